#include "cpi/vm/addresses.h"

#include "cpi/owner.h"
#include "cpi/vm/vms.h"
#include "network/reservations.h"

namespace cpi {

namespace {

/// Where addresses must differ: what a NIC is plugged into, and there each VLAN for itself.
std::string segment_of(const Nic& nic)
{
    std::string segment = describe(nic.source);
    if (nic.vlan)
        for (const unsigned tag : nic.vlan->tags)
            segment += concat(tag == nic.vlan->tags.front() ? ", VLAN " : "+", tag);
    return segment;
}

} // namespace

AddressHolders address_holders(Cpi& cpi)
{
    return {.exist = [&cpi](const VmCid& vm) { return cpi.machines().exists(vm); },
            .sweep = [&cpi] { sweep_vms(cpi); }};
}

std::vector<AddressClaim> claims_of(const NetworkPlan& networks)
{
    std::vector<AddressClaim> claims;
    for (const PlannedNic& planned : networks.nics) {
        const std::string segment = segment_of(planned.nic);
        for (const auto& address : planned.nic.addresses)
            claims.push_back({segment, address});
        if (planned.has_given_mac)
            claims.push_back({segment, planned.nic.mac});
    }
    return claims;
}

void release_claims(Cpi& cpi, const VmCid& vm)
{
    if (const auto record = cpi.store().read(vm, file_name::vm_record))
        release_addresses(cpi.store(), vm, addresses_in(*record));
}

void reserve_addresses(Cpi& cpi, const VmCid& vm, const Path& folder, NetworkPlan& networks)
{
    json::Writer names;
    names.begin_array();
    std::vector<PlannedNic*> reserving;
    for (PlannedNic& planned : networks.nics)
        if (planned.wants_reservation) {
            names.string(planned.nic.source.name);
            reserving.push_back(&planned);
        }
    if (reserving.empty())
        return;
    cpi.host().publish(folder / file_name::reservations, names.end_array().text(), Access::owner);
    Machines& machines = cpi.machines();
    const auto exists = [&](const VmCid& other) {
        return cpi.store().is_in_progress(other) || machines.exists(other);
    };
    for (PlannedNic* planned : reserving) {
        Nic& nic = planned->nic;
        NicAddress reserved = reserve_address(cpi.libvirt(), cpi.log(), nic.source.name, vm, nic.mac, exists);
        nic.addresses.push_back(reserved.ip);
        nic.settled.push_back(reserved);
        planned->reserved = std::move(reserved);
    }
}

void release_reservations(Cpi& cpi, const VmCid& vm)
{
    const auto text = cpi.store().read(vm, file_name::reservations);
    if (!text)
        return;
    const json::Document names = json::parse(*text, concat("the reservations of VM ", vm.str()));
    for (const auto& network : json::Codec<std::vector<std::string>>::read(json::root(names)))
        release_addresses(cpi.libvirt(), network, vm);
}

} // namespace cpi
