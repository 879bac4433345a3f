#pragma once

#include "storage/store.h"

#include <functional>
#include <vector>

namespace cpi {

/// Gives the VM all of these addresses, or throws and names the one that another VM has. A claim counts as
/// long as its VM exists (in libvirt: `exists`) or is being made, so none is ever given back.
void claim_addresses(Store& store, const VmCid& vm, const std::vector<AddressClaim>& claims,
                     const std::function<bool(const VmCid&)>& exists);

} // namespace cpi
