#include "cpi/vms.h"

#include "base/undo.h"
#include "cpi/agent_settings.h"
#include "cpi/cpi.h"
#include "cpi/disk_options.h"
#include "cpi/disks.h"
#include "cpi/held_vm.h"
#include "cpi/limits.h"
#include "cpi/owner.h"
#include "cpi/vm_addresses.h"
#include "cpi/vm_networks.h"
#include "stemcell/stemcells.h"
#include "storage/image.h"

#include <algorithm>

namespace cpi {

namespace {

constexpr std::string_view ephemeral_serial = "ephemeral";

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

void require_disks(Cpi& cpi, const std::vector<DiskCid>& disks)
{
    for (const DiskCid& disk : disks)
        if (!has_disk(cpi, disk))
            throw Error{ErrorKind::disk_not_found, concat("disk '", disk.str(), "' not found")};
}

/// Everything about a VM that is decided before anything is made.
struct VmPlan {
    VmCid cid;
    StemcellCid stemcell_cid;
    Stemcell stemcell;
    VmProperties properties;
    NetworkPlan networks;
    DomainSpec spec; // with its files where they will be; NICs come when they have their addresses
};

DomainSpec describe_vm(Cpi& cpi, const VmCid& vm, const VmProperties& properties, const Stemcell& stemcell)
{
    const Path place = cpi.store().layout().of(vm);
    const Bus bus = cpi.hypervisor().system_bus(cpi.config().storage_controller);
    const std::string root_format{word_of(properties.format.value_or(DiskFormat::qcow2))};
    const auto disk_of = [&](const DiskOptions& options, Path file, std::string format, Bus on) {
        return DiskSpec{.file = std::move(file),
                        .format = std::move(format),
                        .bus = on,
                        .position = 0,
                        .serial = {},
                        .tuning = static_cast<const DiskTuning&>(options),
                        .secret = secret_name(options, vm.str())};
    };
    DomainSpec spec{.name = vm.str(),
                    .acceleration = properties.acceleration.value_or(cpi.config().acceleration),
                    .memory = {static_cast<std::uint64_t>(properties.memory.value)},
                    .cpus = static_cast<unsigned>(properties.cpus.value),
                    .firmware = properties.firmware.value_or(stemcell.firmware),
                    .root = disk_of(properties, place / file_name::root(root_format), root_format, bus),
                    .ephemeral = std::nullopt,
                    .settings_medium = place / file_name::settings,
                    .console_log = place / file_name::console_log,
                    .nics = {}};
    if (properties.ephemeral_disk.count > 0) {
        const std::string format{word_of(properties.format.value_or(DiskFormat::raw))};
        spec.ephemeral = disk_of(properties, place / file_name::ephemeral(format), format, bus);
        spec.ephemeral->position = 1;
        spec.ephemeral->serial = ephemeral_serial;
    }
    return spec;
}

VmPlan plan_vm(Cpi& cpi, const StemcellCid& stemcell_cid, const VmProperties& properties,
               const Networks& networks)
{
    const Stemcell stemcell = load_stemcell(cpi.store(), stemcell_cid);
    require_own(cpi, stemcell_cid.str(), stemcell.hypervisor);
    check_against_stemcell(properties, stemcell);
    const auto cid = new_cid<VmCid>();
    return {cid,
            stemcell_cid,
            stemcell,
            properties,
            plan_networks(cid, networks, cpi.config().network_aliases),
            describe_vm(cpi, cid, properties, stemcell)};
}

void enable_networks(Cpi& cpi, const NetworkPlan& networks)
{
    require_vlan_support(networks, [&] { return cpi.libvirt().version(); });
    const AutoEnable enable = cpi.config().auto_enable_networks ? AutoEnable::yes : AutoEnable::no;
    for (const PlannedNic& planned : networks.nics)
        make_usable(cpi.libvirt(), cpi.log(), planned.nic.source, enable, planned.subnets);
}

/// Takes the VM's addresses and plugs its NICs in.
void settle_nics(Cpi& cpi, VmPlan& plan, const Path& folder)
{
    claim_addresses_of(cpi, plan.cid, plan.networks);
    reserve_addresses(cpi, plan.cid, folder, plan.networks);
    for (const PlannedNic& planned : plan.networks.nics)
        plan.spec.nics.push_back(planned.nic);
}

/// What there is of a VM outside its folder. False: it was not in libvirt.
bool forget_vm(Cpi& cpi, const VmCid& vm)
{
    require_own(cpi, vm);
    const bool had_machine = cpi.machines().remove(vm);
    release_reservations(cpi, vm);
    forget_key(cpi, vm);
    return had_machine;
}

Secret settings_of(Cpi& cpi, const VmPlan& plan, const std::string& agent_id,
                   const std::optional<json::VerbatimObject>& env)
{
    std::optional<DiskHint> ephemeral;
    if (plan.spec.ephemeral)
        ephemeral = cpi.hypervisor().hint(*plan.spec.ephemeral);
    return settings_json({.agent_id = agent_id,
                          .vm = plan.cid,
                          .networks = plan.networks.settings,
                          .ephemeral_disk = ephemeral,
                          .env = env.value_or(json::VerbatimObject{})},
                         cpi.config().agent);
}

/// Where a VM's images are made, and their key.
struct ImagePlace {
    Path folder;
    Path pool;
    std::optional<Secret> key;
};

image::Image place_image(Store& store, const VmPlan& plan, const ImagePlace& place, const DiskSpec& disk)
{
    return {store.place_image(place.folder, plan.cid.str(), disk.file.filename().native(), place.pool),
            disk.format, place.key};
}

/// The stemcell's image, beside the VM's own: with a second name of its own a VM does not need its stemcell
/// to stay.
std::string link_base(Store& store, const VmPlan& plan, const ImagePlace& place)
{
    const Stemcell& stemcell = plan.stemcell;
    if (!stemcell.image.empty())
        return stemcell.image;
    const std::string base = file_name::base(stemcell.format);
    store.host().link(store.layout().of(plan.stemcell_cid) / file_name::image(stemcell.format),
                      place.folder / base);
    return place.pool.empty() ? base : (store.layout().of(plan.cid) / base).native();
}

/// Unless it is to be laid out in full, the root disk holds only what differs from the stemcell's image.
void make_root_disk(Store& store, const VmPlan& plan, const ImagePlace& place)
{
    const Stemcell& stemcell = plan.stemcell;
    const DiskOptions& options = plan.properties;
    std::optional<Mebibytes> size;
    if (plan.properties.root_disk)
        size = Mebibytes{static_cast<std::uint64_t>(plan.properties.root_disk->value)};
    const image::Image root = place_image(store, plan, place, plan.spec.root);
    if (root.format == word_of(DiskFormat::qcow2) && options.preallocation == Preallocation::off) {
        const auto all = static_cast<std::uint64_t>(stemcell.virtual_size);
        image::create_overlay(store.host(), root, link_base(store, plan, place), stemcell.format,
                              size ? size->bytes() : all);
        return;
    }
    const Path base = stemcell.image.empty()
                          ? store.layout().of(plan.stemcell_cid) / file_name::image(stemcell.format)
                          : Path{stemcell.image};
    image::convert(store.host(), {base, stemcell.format}, root, options.preallocation);
    if (size)
        image::resize(store.host(), root, *size, options.preallocation);
}

/// A plain one is made without a program's help.
void make_ephemeral_disk(Store& store, const VmPlan& plan, const ImagePlace& place)
{
    const DiskOptions& options = plan.properties;
    const image::Image image = place_image(store, plan, place, *plan.spec.ephemeral);
    const bool plain =
        image.format == word_of(DiskFormat::raw) && !image.key && options.preallocation == Preallocation::off;
    if (!plain) {
        image::create(store.host(), image, plan.properties.ephemeral_disk, options.preallocation);
        return;
    }
    const auto disk = store.host().create(image.file, Access::owner);
    disk->skip(plan.properties.ephemeral_disk.bytes());
    disk->finish();
}

void make_files(Store& store, const VmPlan& plan, const ImagePlace& place, const Secret& settings)
{
    make_root_disk(store, plan, place);
    if (plan.spec.ephemeral)
        make_ephemeral_disk(store, plan, place);
    store.host().publish(place.folder / file_name::settings,
                         settings_medium(plan.stemcell.settings, settings, plan.cid).reveal(), Access::owner);
}

} // namespace

CreatedVm create_vm(Cpi& cpi, const std::string& agent_id, const StemcellCid& stemcell_cid,
                    const VmProperties& properties, const Networks& networks,
                    const std::optional<std::vector<DiskCid>>& disks,
                    const std::optional<json::VerbatimObject>& env)
{
    Store& store = cpi.store();
    check_properties(cpi, "cloud properties of the VM", cpi.hypervisor().vm_limits, properties);
    for (const Network& network : networks.all)
        check_properties(cpi, concat("cloud properties of the network '", network.name, "'"),
                         cpi.hypervisor().nic_limits, network.fields.cloud_properties);
    VmPlan plan = plan_vm(cpi, stemcell_cid, properties, networks);
    require_disks(cpi, disks.value_or(std::vector<DiskCid>{}));
    enable_networks(cpi, plan.networks);
    const std::string vm = plan.cid.str();

    const Path kind = store.layout().vms();
    const Path pool = pool_directory(cpi, properties);
    store.sweep(kind, VmTag::prefix, [&](const std::string& name) { forget_vm(cpi, VmCid{name}); });
    Creation creation{store, kind, vm};
    Undo undo{cpi.log()};
    undo.add(concat("remove VM ", vm), [&] { forget_vm(cpi, plan.cid); });
    write_vm_record(cpi, creation.staging());
    settle_nics(cpi, plan, creation.staging());
    const auto key = keep_key(cpi, properties, creation.staging(), vm);
    make_files(store, plan, {creation.staging(), pool, key}, settings_of(cpi, plan, agent_id, env));
    creation.publish();
    cpi.machines().create(plan.spec);
    creation.finish();
    undo.keep();
    refresh_pool(cpi, properties);
    return {plan.cid, plan.networks.settings};
}

void delete_vm(Cpi& cpi, const VmCid& vm)
{
    const HeldVm held{cpi, vm};
    const bool had_machine = forget_vm(cpi, vm);
    cpi.store().discard(vm);
    if (!had_machine && !held.has_files())
        throw Error{ErrorKind::vm_not_found, concat("VM '", vm.str(), "' not found")};
}

bool has_vm(Cpi& cpi, const VmCid& vm)
{
    require_own(cpi, vm);
    return cpi.machines().exists(vm);
}

void reboot_vm(Cpi& cpi, const VmCid& vm)
{
    constexpr std::chrono::seconds patience{30};
    const HeldVm held{cpi, vm};
    cpi.machines().reboot(vm, patience);
}

void set_vm_metadata(Cpi& cpi, const VmCid& vm, const std::map<std::string, TagValue>& metadata)
{
    const HeldVm held{cpi, vm};
    Tags tags;
    for (const auto& [key, value] : metadata)
        tags.emplace(key, value.text);
    cpi.machines().annotate(vm, tags);
}

} // namespace cpi
