#pragma once

#include "base/ids.h"
#include "cpi/wire/networks.h"
#include "hypervisor/hypervisor.h"
#include "network/networks.h"

#include <functional>
#include <string>
#include <vector>

namespace cpi {

/// A NIC that a VM gets, and what may be made if its network is missing.
struct PlannedNic {
    Nic nic; // its addresses are those that the Director gave
    std::vector<Subnet> subnets = {};
    bool has_given_mac = false;
    bool wants_reservation = false;
    std::optional<NicAddress> reserved = {};
};

struct NetworkPlan {
    std::vector<PlannedNic> nics;
    json::Verbatim settings; // the networks as they came, each with the MAC address of its NIC
};

/// One NIC for each nic_group, and for each network that is in none, in the order in which they came. Throws
/// for what cannot be done. Pure.
[[nodiscard]] NetworkPlan plan_networks(const VmCid& vm, const Networks& networks,
                                        const NetworkAliases& aliases, NicsAreSetBy nics_are_set_by,
                                        NicModel usual_model = NicModel::virtio);

/// The settings of networks whose NICs have their addresses before the agent starts: it leaves them alone.
/// Pure.
[[nodiscard]] json::Verbatim preconfigured(const NetworkPlan& plan);

/// Throws when the plan has a VLAN on a plain bridge and this libvirt cannot do that; its version, as libvirt
/// counts, is asked for only then.
void require_vlan_support(const NetworkPlan& plan, const std::function<unsigned long()>& libvirt_version);

} // namespace cpi
