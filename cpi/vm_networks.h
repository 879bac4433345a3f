#pragma once

#include "base/ids.h"
#include "cpi/network_types.h"
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
};

struct NetworkPlan {
    std::vector<PlannedNic> nics;
    json::Verbatim settings; // the networks as they came, each with the MAC address of its NIC
};

/// One NIC for each nic_group, and for each network that is in none, in the order in which they came. Throws
/// for what cannot be done. Pure.
[[nodiscard]] NetworkPlan plan_networks(const VmCid& vm, const Networks& networks,
                                        const NetworkAliases& aliases);

/// Throws when the plan has a VLAN on a plain bridge and this libvirt cannot do that; its version, as libvirt
/// counts, is asked for only then.
void require_vlan_support(const NetworkPlan& plan, const std::function<unsigned long()>& libvirt_version);

} // namespace cpi
