#include "storage/claims.h"

#include "base/error.h"
#include "base/text.h"

namespace cpi {

namespace {

void require_free(Store& store, const VmCid& vm, const AddressClaim& claim,
                  const std::function<bool(const VmCid&)>& exists)
{
    const Path file = store.layout().of(claim);
    const auto text = store.host().read(file);
    if (!text)
        return;
    const auto holder = while_doing(concat("reading ", file.native()), [&] { return VmCid{trim(*text)}; });
    // In this order: a VM that is just being finished is there when its mark is gone.
    if (holder == vm || (!store.is_in_progress(holder) && !exists(holder)))
        return;
    throw Error{ErrorKind::cloud,
                concat("address ", claim.address, " on ", claim.where, " is in use by VM ", holder.str(),
                       ". Try: another address, or delete that VM first (bosh delete-vm ", holder.str(),
                       R"(; before there is a Director: "current_vm_cid": ")", holder.str(),
                       R"(" in create-env's state.json, and again))")};
}

} // namespace

void claim_addresses(Store& store, const VmCid& vm, const std::vector<AddressClaim>& claims,
                     const std::function<bool(const VmCid&)>& exists)
{
    if (claims.empty())
        return;
    const auto lock = store.lock_kind(store.layout().addresses());
    for (const AddressClaim& claim : claims)
        require_free(store, vm, claim, exists);
    for (const AddressClaim& claim : claims)
        store.host().publish(store.layout().of(claim), vm.str(), Access::owner);
}

} // namespace cpi
