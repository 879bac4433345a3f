#pragma once

#include "records/store.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace cpi {

/// What is known of the VMs that have addresses.
struct AddressHolders {
    std::function<bool(const VmCid&)> exist; // in libvirt
    std::function<void()> sweep;             // removes what calls that were killed have left of some
    std::chrono::milliseconds patience = std::chrono::seconds{10}; // with those that are just made or removed
};

/// Gives the VM all of these addresses, or throws and names the one that another VM has. A claim counts as
/// long as its VM exists or is being made. Of one that a call is making or removing just now the end is
/// waited for; an error that says ok_to_retry is that it did not come.
void claim_addresses(Store& store, const VmCid& vm, const std::vector<AddressClaim>& claims,
                     const AddressHolders& holders);

/// Gives back what the VM still has of these, by the names of their files. Before its folder goes, which is
/// where their names are.
void release_addresses(Store& store, const VmCid& vm, const std::vector<std::string>& files);

/// Removes claims of VMs that are gone: those that killed calls, and older versions, have left. A share of
/// them at a time. What cannot be looked at now is left to a later sweep.
void sweep_addresses(Store& store, const AddressHolders& holders);

} // namespace cpi
