#pragma once

#include "cpi/cpi.h"
#include "cpi/vm/network_plan.h"
#include "records/claims.h"

#include <vector>

namespace cpi {

/// What is known of the VMs that have addresses.
[[nodiscard]] AddressHolders address_holders(Cpi& cpi);

/// The addresses that a VM's NICs are given, and that no other VM can have.
[[nodiscard]] std::vector<AddressClaim> claims_of(const NetworkPlan& networks);
/// Takes back what the VM, whose folder must still be there, has of them.
void release_claims(Cpi& cpi, const VmCid& vm);

/// Reserves an address for each NIC that is to have one, and lets its filter know. `folder` is the VM's: by
/// what is written there first, release_reservations knows what to take back.
void reserve_addresses(Cpi& cpi, const VmCid& vm, const Path& folder, NetworkPlan& networks);

/// Takes back what was reserved for the VM, whose folder must still be there.
void release_reservations(Cpi& cpi, const VmCid& vm);

} // namespace cpi
