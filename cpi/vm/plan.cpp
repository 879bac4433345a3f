#include "cpi/vm/plan.h"

#include "cpi/disk/options.h"
#include "cpi/owner.h"
#include "volumes/tree.h"

namespace cpi {

namespace {

[[noreturn]] void refuse_property(std::string_view key, std::string_view why)
{
    throw wrong_argument(concat("arguments[2].", key, ": ", why));
}

/// What does not fit the stemcell is said before anything is made.
void check_against_stemcell(const VmProperties& properties, const Stemcell& stemcell)
{
    if (stemcell.settings == SettingsChannel::env_cdrom && properties.ephemeral_disk.count == 0)
        refuse_property("ephemeral_disk", "this stemcell's agent does not start without an ephemeral disk");
    const Mebibytes image = Mebibytes::rounded_up(static_cast<std::uint64_t>(stemcell.virtual_size));
    if (properties.root_disk && static_cast<std::uint64_t>(properties.root_disk->value) < image.count)
        refuse_property("root_disk", concat("expected at least the size of the stemcell's image, ",
                                            image.count, " MiB, got ", properties.root_disk->value));
}

void check_ids(Cpi& cpi, const StemcellCid& cid, const Stemcell& stemcell)
{
    if (stemcell.ids != cpi.config().idmap)
        throw Error{ErrorKind::cloud,
                    concat("stemcell '", cid.str(), "' has files for ", text_of(stemcell.ids),
                           ", and VMs have ", text_of(cpi.config().idmap),
                           " (idmap in the configuration). Try: bosh upload-stemcell --fix")};
}

void check_firmware(const Hypervisor& hypervisor, Firmware firmware)
{
    if (firmware == Firmware::uefi && !hypervisor.boots_uefi)
        throw Error{ErrorKind::not_supported, concat("VMs do not boot by UEFI on ", hypervisor.name,
                                                     ". Try: a stemcell that boots by BIOS")};
}

/// What is said of a VM's own disks, of one of them.
DiskSpec disk_of(const VmCid& vm, const DiskOptions& options, Path file, std::string format, Bus bus)
{
    return {.file = std::move(file),
            .format = std::move(format),
            .bus = bus,
            .position = 0,
            .serial = {},
            .tuning = static_cast<const DiskTuning&>(options),
            .secret = secret_name(options, vm.str())};
}

/// Unless it is to be laid out in full, the root disk holds only what differs from the stemcell's image. An
/// image of the store gets a second name in the VM's folder: a VM does not need its stemcell to stay.
std::optional<BaseImage> base_of(const DiskSpec& root, const VmProperties& properties,
                                 const Stemcell& stemcell, const Path& place)
{
    if (root.format != word_of(DiskFormat::qcow2) || properties.preallocation != Preallocation::off)
        return std::nullopt;
    if (!stemcell.image.empty())
        return BaseImage{.file = stemcell.image, .format = stemcell.format};
    return BaseImage{place / file_name::base(stemcell.format), stemcell.format, true};
}

DiskSpec describe_root(const Hypervisor& hypervisor, const VmCid& vm, const VmProperties& properties,
                       const Stemcell& stemcell, const Path& place, Bus bus)
{
    if (hypervisor.root == Root::tree)
        return {.file = tree::root_of(place / file_name::container), .format = {}};
    const std::string format = format_of(hypervisor, properties, hypervisor.disk_formats.front());
    DiskSpec root = disk_of(vm, properties, place / file_name::root(format), format, bus);
    root.base = base_of(root, properties, stemcell, place);
    return root;
}

std::any own_properties_on(const Hypervisor& hypervisor, const VmProperties& properties)
{
    const auto own = properties.own.find(hypervisor.name);
    return own == properties.own.end() ? std::any{} : own->second;
}

DomainSpec describe_vm(Cpi& cpi, const VmCid& vm, const VmProperties& properties, const Stemcell& stemcell)
{
    const Hypervisor& hypervisor = cpi.hypervisor();
    const Path place = cpi.store().layout().of(vm);
    const Bus bus = hypervisor.system_bus(cpi.config().storage_controller);
    DomainSpec spec{.name = vm.str(),
                    .autostart = properties.autostart.value_or(cpi.config().autostart),
                    .acceleration = properties.acceleration.value_or(cpi.config().acceleration),
                    .hardware = static_cast<const Hardware&>(properties),
                    .firmware = properties.firmware.value_or(stemcell.firmware),
                    .root = describe_root(hypervisor, vm, properties, stemcell, place, bus),
                    .ephemeral = std::nullopt,
                    .settings_medium = place / file_name::settings,
                    .console_log = place / file_name::console_log,
                    .ids = cpi.config().idmap,
                    .nics = {},
                    .own = own_properties_on(hypervisor, properties)};
    if (properties.ephemeral_disk.count > 0) {
        const std::string format = format_of(hypervisor, properties, hypervisor.ephemeral_format);
        spec.ephemeral = disk_of(vm, properties, place / file_name::ephemeral(format), format, bus);
        spec.ephemeral->position = 1;
        spec.ephemeral->serial = ephemeral_serial;
    }
    return spec;
}

NetworkPlan plan_nics(Cpi& cpi, const VmCid& vm, const Networks& networks)
{
    const Hypervisor& hypervisor = cpi.hypervisor();
    NetworkPlan plan = plan_networks(vm, networks, cpi.config().network_aliases, hypervisor.nics_are_set_by,
                                     hypervisor.nic_model);
    if (hypervisor.place_of != nullptr)
        for (PlannedNic& planned : plan.nics)
            planned.nic.source = hypervisor.place_of(planned.nic.source);
    return plan;
}

} // namespace

VmPlan plan_vm(Cpi& cpi, const StemcellCid& stemcell_cid, const VmProperties& properties,
               const Networks& networks)
{
    const Stemcell stemcell = load_stemcell(cpi.store(), stemcell_cid);
    require_own(cpi, stemcell_cid.str(), stemcell.hypervisor);
    check_ids(cpi, stemcell_cid, stemcell);
    check_against_stemcell(properties, stemcell);
    check_firmware(cpi.hypervisor(), properties.firmware.value_or(stemcell.firmware));
    const auto cid = new_cid<VmCid>();
    return {cid,
            stemcell_cid,
            stemcell,
            properties,
            plan_nics(cpi, cid, networks),
            describe_vm(cpi, cid, properties, stemcell)};
}

} // namespace cpi
