#include "cpi/vms.h"

#include "base/undo.h"
#include "cpi/agent_settings.h"
#include "cpi/cpi.h"
#include "cpi/vm_networks.h"
#include "stemcell/stemcells.h"
#include "storage/image.h"

#include <algorithm>

namespace cpi {

namespace {

constexpr std::string_view ephemeral_serial = "ephemeral";

VmCid new_vm_cid()
{
    constexpr std::size_t name_length = 20;
    return VmCid{concat(VmTag::prefix, random_name(name_length))};
}

[[noreturn]] void refuse_property(std::string_view key, std::string_view why)
{
    throw Error{ErrorKind::invalid_call,
                concat("Arguments are not correct, details: 'arguments[2].", key, ": ", why, "'")};
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

void warn_of_unknown(Log& log, std::string_view where, const std::vector<std::string>& keys)
{
    if (!keys.empty())
        log.warning(concat(where, ": this CPI does not know ", join(keys, ", ")));
}

void require_disks(Cpi& cpi, const std::vector<DiskCid>& disks)
{
    for (const DiskCid& disk : disks)
        if (!cpi.store().has(disk))
            throw Error{ErrorKind::disk_not_found, concat("disk '", disk.str(), "' not found")};
}

/// The VM as it will be, with its files where they will be.
DomainSpec describe_vm(Cpi& cpi, const VmCid& vm, const VmProperties& properties, const Stemcell& stemcell,
                       const std::vector<PlannedNic>& nics)
{
    const Path place = cpi.store().layout().of(vm);
    const Bus bus = cpi.machinery().system_bus(cpi.config().storage_controller);
    DomainSpec spec{
        .name = vm.str(),
        .domain_type = {},
        .memory = {static_cast<std::uint64_t>(properties.memory.value)},
        .cpus = static_cast<unsigned>(properties.cpus.value),
        .firmware = properties.firmware.value_or(stemcell.firmware),
        .root = {.file = place / file_name::root, .format = "qcow2", .bus = bus, .position = 0, .serial = {}},
        .ephemeral = std::nullopt,
        .settings_medium = place / file_name::settings,
        .console_log = place / file_name::console_log,
        .nics = {}};
    if (properties.ephemeral_disk.count > 0)
        spec.ephemeral = DiskSpec{.file = place / file_name::ephemeral,
                                  .format = "raw",
                                  .bus = bus,
                                  .position = 1,
                                  .serial = std::string{ephemeral_serial}};
    for (const PlannedNic& planned : nics)
        spec.nics.push_back(planned.nic);
    return spec;
}

/// The root disk holds only what differs from the stemcell's image, which gets a second name beside it: so a
/// VM does not need its stemcell to stay.
void make_root_disk(Store& store, const Path& folder, const StemcellCid& cid, const Stemcell& stemcell,
                    const VmProperties& properties)
{
    std::string base = stemcell.image;
    if (base.empty()) {
        base = file_name::base(stemcell.format);
        store.host().link(store.layout().of(cid) / file_name::image(stemcell.format), folder / base);
    }
    std::optional<Mebibytes> size;
    if (properties.root_disk)
        size = Mebibytes{static_cast<std::uint64_t>(properties.root_disk->value)};
    image::create_overlay(store.host(), folder / file_name::root, base, stemcell.format, size);
}

void make_ephemeral_disk(Host& host, const Path& folder, Mebibytes size)
{
    const auto disk = host.create(folder / file_name::ephemeral, Access::owner);
    disk->skip(size.bytes());
    disk->finish();
}

} // namespace

CreatedVm create_vm(Cpi& cpi, const std::string& agent_id, const StemcellCid& stemcell_cid,
                    const VmProperties& properties, const Networks& networks,
                    const std::optional<std::vector<DiskCid>>& disks,
                    const std::optional<json::VerbatimObject>& env)
{
    Store& store = cpi.store();
    Machines machines = cpi.machines();
    const Stemcell stemcell = load_stemcell(store, stemcell_cid);
    check_against_stemcell(properties, stemcell);
    warn_of_unknown(cpi.log(), "cloud properties of the VM", properties.unknown_keys);
    require_disks(cpi, disks.value_or(std::vector<DiskCid>{}));

    const VmCid vm = new_vm_cid();
    const NetworkPlan plan = plan_networks(vm, networks);
    const AutoEnable enable = cpi.config().auto_enable_networks ? AutoEnable::yes : AutoEnable::no;
    for (const PlannedNic& planned : plan.nics)
        make_usable(cpi.libvirt(), cpi.log(), planned.nic.source, enable, planned.subnet);

    store.sweep(store.layout().vms(), VmTag::prefix,
                [&](const std::string& name) { machines.remove(VmCid{name}); });
    const DomainSpec spec = describe_vm(cpi, vm, properties, stemcell, plan.nics);
    std::optional<DiskHint> ephemeral;
    if (spec.ephemeral)
        ephemeral = DiskHint{cpi.machinery().device_path(spec.ephemeral->bus, ephemeral_serial),
                             std::string{ephemeral_serial}};
    const Secret settings = settings_json({.agent_id = agent_id,
                                           .vm = vm,
                                           .networks = plan.settings,
                                           .ephemeral_disk = ephemeral,
                                           .env = env.value_or(json::VerbatimObject{})},
                                          cpi.config().agent);

    Creation creation{store, store.layout().vms(), vm.str()};
    make_root_disk(store, creation.staging(), stemcell_cid, stemcell, properties);
    if (spec.ephemeral)
        make_ephemeral_disk(store.host(), creation.staging(), properties.ephemeral_disk);
    store.host().publish(creation.staging() / file_name::settings,
                         settings_medium(stemcell.settings, settings, vm).reveal(), Access::owner);
    creation.publish();

    Undo undo{cpi.log()};
    undo.add(concat("remove VM ", vm.str()), [&] { machines.remove(vm); });
    machines.create(spec, properties.acceleration.value_or(cpi.config().acceleration));
    creation.finish();
    undo.keep();
    return {vm, plan.settings};
}

void delete_vm(Cpi& cpi, const VmCid& vm)
{
    Store& store = cpi.store();
    const auto lock = store.lock(vm);
    const bool had_files = store.has(vm);
    const bool had_machine = cpi.machines().remove(vm);
    store.host().discard(store.layout().of(vm));
    if (!had_machine && !had_files)
        throw Error{ErrorKind::vm_not_found, concat("VM '", vm.str(), "' not found")};
}

bool has_vm(Cpi& cpi, const VmCid& vm)
{
    return cpi.machines().exists(vm);
}

void reboot_vm(Cpi& cpi, const VmCid& vm)
{
    constexpr std::chrono::seconds patience{30};
    const auto lock = cpi.store().lock(vm);
    cpi.machines().reboot(vm, patience);
}

void set_vm_metadata(Cpi& cpi, const VmCid& vm, const std::map<std::string, TagValue>& metadata)
{
    Tags tags;
    for (const auto& [key, value] : metadata)
        tags.emplace(key, value.text);
    cpi.machines().annotate(vm, tags);
}

} // namespace cpi
