#pragma once

#include "base/ids.h"
#include "cpi/types.h"
#include "network/networks.h"

#include <vector>

namespace cpi {

/// A NIC that a VM gets, and what may be made if its network is missing.
struct PlannedNic {
    Nic nic;
    std::vector<Subnet> subnet;
};

struct NetworkPlan {
    std::vector<PlannedNic> nics;
    json::Verbatim settings; // the networks as they came, each with the MAC address of its NIC
};

/// One NIC for each network, in the order of their names. Throws for what cannot be done. Pure.
[[nodiscard]] NetworkPlan plan_networks(const VmCid& vm, const Networks& networks);

} // namespace cpi
