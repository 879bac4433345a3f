#include "records/claims.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

#include <algorithm>

namespace cpi {

namespace {

enum class State { gone, unfinished, finished };

/// An address that somebody else has.
struct Conflict {
    AddressClaim claim;
    VmCid holder;
    State state;
};

VmCid read_claim(const Path& file, const std::string& text)
{
    return while_doing(concat("reading ", file.native()), [&] { return VmCid{trim(text)}; });
}

State state_of(Store& store, const VmCid& vm, const AddressHolders& holders)
{
    // In this order: a VM that is just being finished is there when its mark is gone.
    const bool is_marked = store.is_begun(vm);
    if (is_marked && store.is_in_progress(vm))
        return State::unfinished;
    if (!holders.exist(vm))
        return State::gone;
    return is_marked ? State::unfinished : State::finished;
}

std::optional<Conflict> find_conflict(Store& store, const VmCid& vm, const std::vector<AddressClaim>& claims,
                                      const AddressHolders& holders)
{
    for (const AddressClaim& claim : claims) {
        const Path file = store.layout().of(claim);
        const auto text = store.host().read(file);
        if (!text)
            continue;
        const VmCid holder = read_claim(file, *text);
        const State state = holder == vm ? State::gone : state_of(store, holder, holders);
        if (state != State::gone)
            return Conflict{claim, holder, state};
    }
    return std::nullopt;
}

std::optional<Conflict> try_to_claim(Store& store, const VmCid& vm, const std::vector<AddressClaim>& claims,
                                     const AddressHolders& holders)
{
    const auto lock = store.lock_kind(store.layout().addresses());
    auto conflict = find_conflict(store, vm, claims, holders);
    if (!conflict)
        for (const AddressClaim& claim : claims)
            store.host().publish(store.layout().of(claim), vm.str(), Access::owner);
    return conflict;
}

[[noreturn]] void refuse(const Conflict& conflict)
{
    const std::string& holder = conflict.holder.str();
    const std::string what = concat("address ", conflict.claim.address, " on ", conflict.claim.where);
    if (conflict.state == State::unfinished)
        throw Error{ErrorKind::cloud,
                    concat(what, " belongs to VM ", holder,
                           ", which another call is making or removing just now. Try: again"),
                    Retry::yes};
    throw Error{ErrorKind::cloud, concat(what, " is in use by VM ", holder,
                                         ". Try: another address, or delete that VM first (bosh delete-vm ",
                                         holder, R"(; before there is a Director: "current_vm_cid": ")",
                                         holder, R"(" in create-env's state.json, and again))")};
}

/// Some of the claims' files, others than the last time.
std::vector<std::string> share_of_claims(Store& store)
{
    constexpr std::size_t share = 64;
    auto names = store.host().list(store.layout().addresses());
    std::erase_if(names, [](const std::string& name) { return name == file_name::lock; });
    if (names.size() <= share)
        return names;
    const std::size_t first = stable_hash(random_name(8)) % names.size();
    std::rotate(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(first), names.end());
    names.resize(share);
    return names;
}

void sweep_claim(Store& store, const Path& file, const AddressHolders& holders)
{
    const auto text = store.host().read(file);
    if (!text)
        return;
    const VmCid holder = read_claim(file, *text);
    if (!store.has(holder) && state_of(store, holder, holders) == State::gone)
        store.host().discard(file);
}

} // namespace

void claim_addresses(Store& store, const VmCid& vm, const std::vector<AddressClaim>& claims,
                     const AddressHolders& holders)
{
    if (claims.empty())
        return;
    std::optional<Conflict> conflict;
    static_cast<void>(wait_until(Deadline{holders.patience}, [&] {
        conflict = try_to_claim(store, vm, claims, holders);
        const bool may_pass = conflict && conflict->state == State::unfinished;
        if (may_pass)
            holders.sweep();
        return !may_pass;
    }));
    if (conflict)
        refuse(*conflict);
}

void release_addresses(Store& store, const VmCid& vm, const std::vector<std::string>& files)
{
    if (files.empty())
        return;
    const auto lock = store.lock_kind(store.layout().addresses());
    for (const std::string& name : files) {
        const Path file = store.layout().addresses() / name;
        if (trim(store.host().read(file).value_or("")) == vm.str())
            store.host().discard(file);
    }
}

void sweep_addresses(Store& store, const AddressHolders& holders)
{
    store.tolerate("the addresses", [&] {
        const auto names = share_of_claims(store);
        if (names.empty())
            return;
        const auto lock = store.lock_kind(store.layout().addresses());
        for (const std::string& name : names)
            store.tolerate(name, [&] { sweep_claim(store, store.layout().addresses() / name, holders); });
    });
}

} // namespace cpi
