#pragma once

#include "cpi/cpi.h"
#include "cpi/vm_networks.h"

namespace cpi {

/// Throws when another VM of the store has an address that this one's NICs are given.
void claim_addresses_of(Cpi& cpi, const VmCid& vm, const NetworkPlan& networks);

/// Reserves an address for each NIC that is to have one, and lets its filter know. `folder` is the VM's: by
/// what is written there first, release_reservations knows what to take back.
void reserve_addresses(Cpi& cpi, const VmCid& vm, const Path& folder, NetworkPlan& networks);

/// Takes back what was reserved for the VM, whose folder must still be there.
void release_reservations(Cpi& cpi, const VmCid& vm);

} // namespace cpi
