#include "cpi/vm/vms.h"

#include "cpi/disk/disks.h"
#include "cpi/disk/options.h"
#include "cpi/owner.h"
#include "cpi/properties/possible.h"
#include "cpi/vm/addresses.h"
#include "cpi/vm/agent_settings.h"
#include "cpi/vm/files.h"
#include "cpi/vm/held_vm.h"
#include "volumes/trees.h"

#include <algorithm>

namespace cpi {

namespace {

void require_disks(Cpi& cpi, const std::vector<DiskCid>& disks)
{
    for (const DiskCid& disk : disks)
        if (!has_disk(cpi, disk))
            throw Error{ErrorKind::disk_not_found, concat("disk '", disk.str(), "' not found")};
}

void enable_networks(Cpi& cpi, const VmPlan& plan)
{
    const NetworkPlan& networks = plan.networks;
    const AutoEnable enable = cpi.config().auto_enable_networks ? AutoEnable::yes : AutoEnable::no;
    if (!cpi.hypervisor().why_no_networks.empty()) {
        for (const PlannedNic& planned : networks.nics)
            cpi.machines().make_usable(planned.nic, enable, planned.subnets);
        return;
    }
    require_vlan_support(networks, [&] { return cpi.libvirt().version(); });
    for (const PlannedNic& planned : networks.nics) {
        make_usable(cpi.libvirt(), cpi.log(), planned.nic.source, enable, planned.subnets);
        if (plan.spec.autostart)
            start_with_host(cpi.libvirt(), cpi.log(), planned.nic.source, enable);
    }
}

/// What a plan becomes when the VM has its addresses.
struct Settled {
    DomainSpec spec;
    json::Verbatim networks; // as the agent is told of them
};

Settled settle(Cpi& cpi, const VmPlan& plan, const Path& folder)
{
    const std::vector<AddressClaim> claims = claims_of(plan.networks);
    write_vm_record(cpi, folder, claims);
    claim_addresses(cpi.store(), plan.cid, claims, address_holders(cpi));
    NetworkPlan networks = plan.networks;
    reserve_addresses(cpi, plan.cid, folder, networks);
    const bool agent_sets_nics = cpi.hypervisor().nics_are_set_by == NicsAreSetBy::agent;
    Settled settled{plan.spec, agent_sets_nics ? networks.settings : preconfigured(networks)};
    for (const PlannedNic& planned : networks.nics)
        settled.spec.nics.push_back(planned.nic);
    return settled;
}

/// What there is of a VM outside its folder. False: it was not in libvirt.
bool forget_vm(Cpi& cpi, const VmCid& vm)
{
    require_own(cpi, vm);
    const bool had_machine = cpi.machines().remove(vm);
    release_reservations(cpi, vm);
    release_claims(cpi, vm);
    forget_key(cpi, vm);
    return had_machine;
}

/// Removes VMs that are in libvirt alone, of which a call could take back no more.
void sweep_strays(Cpi& cpi)
{
    Store& store = cpi.store();
    std::optional<std::vector<std::string>> folders; // listed after the VMs: one in the making has its folder
    const auto has_files = [&](const VmCid& vm) {
        if (!folders)
            folders = store.host().list(store.layout().vms());
        return std::ranges::find(*folders, vm.str()) != folders->end() || store.is_begun(vm);
    };
    store.tolerate("VMs without files", [&] {
        for (const VmCid& vm : cpi.machines().strays(has_files)) {
            cpi.log().warning(
                concat("removing VM ", vm.str(), ", which was never finished and has no files"));
            forget_vm(cpi, vm);
        }
    });
}

Secret settings_of(Cpi& cpi, const VmPlan& plan, const json::Verbatim& networks, const std::string& agent_id,
                   const std::optional<json::VerbatimObject>& env)
{
    std::optional<DiskHint> ephemeral;
    if (plan.spec.ephemeral)
        ephemeral = cpi.hypervisor().hint(*plan.spec.ephemeral);
    return settings_json({.agent_id = agent_id,
                          .vm = plan.cid,
                          .networks = networks,
                          .ephemeral_disk = ephemeral,
                          .env = env.value_or(json::VerbatimObject{})},
                         cpi.config().agent);
}

/// create_vm, but for what its errors are to the Director.
CreatedVm make_vm(Cpi& cpi, const std::string& agent_id, const StemcellCid& stemcell_cid,
                  const VmProperties& properties, const Networks& networks,
                  const std::optional<std::vector<DiskCid>>& disks,
                  const std::optional<json::VerbatimObject>& env)
{
    sweep_vms(cpi); // first of all: their addresses are free then
    sweep_strays(cpi);
    Store& store = cpi.store();
    cpi.require_store_for_vms();
    check_properties(cpi, "cloud properties of the VM", properties);
    for (const Network& network : networks.all)
        check_properties(cpi, concat("cloud properties of the network '", network.name, "'"),
                         network.fields.cloud_properties);
    const VmPlan plan = plan_vm(cpi, stemcell_cid, properties, networks);
    require_disks(cpi, disks.value_or(std::vector<DiskCid>{}));
    enable_networks(cpi, plan);
    const std::string vm = plan.cid.str();

    const Path kind = store.layout().vms();
    const Path pool = pool_directory(cpi, properties);
    if (plan.spec.autostart)
        warn_unless_pool_autostarts(cpi, properties);
    Creation creation{store, kind, vm};
    creation.undo().add(concat("remove VM ", vm), [&] { forget_vm(cpi, plan.cid); });
    const Settled settled = settle(cpi, plan, creation.staging());
    const auto key = keep_key(cpi, properties, creation.staging(), vm);
    make_files(cpi, plan, {creation.staging(), pool, key},
               settings_of(cpi, plan, settled.networks, agent_id, env));
    creation.publish();
    cpi.machines().create(settled.spec);
    creation.finish();
    refresh_pool(cpi, properties);
    return {plan.cid, settled.networks};
}

} // namespace

CreatedVm create_vm(Cpi& cpi, const std::string& agent_id, const StemcellCid& stemcell,
                    const VmProperties& properties, const Networks& networks,
                    const std::optional<std::vector<DiskCid>>& disks,
                    const std::optional<json::VerbatimObject>& env)
{
    try {
        return make_vm(cpi, agent_id, stemcell, properties, networks, disks, env);
    } catch (const Error& error) {
        // It is the one error after which the Director tries again; a host that is full may have room then.
        if (!error.ok_to_retry() && error.kind() != ErrorKind::no_disk_space)
            throw;
        throw Error{ErrorKind::vm_creation_failed, error.message(), Retry::yes, error.cause()};
    }
}

void sweep_vms(Cpi& cpi)
{
    cpi.store().sweep(cpi.store().layout().vms(), VmTag::prefix,
                      [&](const std::string& name) { forget_vm(cpi, VmCid{name}); });
}

void delete_vm(Cpi& cpi, const VmCid& vm)
{
    sweep_vms(cpi);
    sweep_strays(cpi);
    const HeldVm held{cpi, vm};
    const bool had_machine = forget_vm(cpi, vm);
    trees::discard_holder(cpi.store(), vm);
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
