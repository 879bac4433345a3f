#include "volumes/trees.h"

#include "base/error.h"
#include "base/ids.h"

#include <set>

namespace cpi::trees {

namespace {

void add_needed(Store& store, const Path& kind, std::set<Path>& needed)
{
    for (const auto& name : store.host().list(kind))
        if (const auto tree = store.host().target_of(kind / name / file_name::tree))
            needed.insert(*tree);
}

} // namespace

void keep(Store& store, const Path& built, const Path& holder)
{
    const auto lock = store.lock_kind(store.layout().trees());
    constexpr std::size_t length = 20;
    const Path place = store.layout().trees() / concat("tree-", random_name(length));
    store.host().rename(built, place);
    store.host().point(holder / file_name::tree, place);
}

Path share(Store& store, const Path& stemcell, const Path& holder)
{
    const auto lock = store.lock_kind(store.layout().trees());
    auto place = store.host().target_of(stemcell / file_name::tree);
    if (!place || !store.host().info(*place))
        throw Error{ErrorKind::cloud,
                    concat("the stemcell in ", stemcell.native(), " has no root file system (any more)")};
    store.host().point(holder / file_name::tree, *place);
    return *place;
}

void sweep(Store& store)
{
    const auto lock = store.lock_kind(store.layout().trees());
    std::set<Path> needed;
    add_needed(store, store.layout().stemcells(), needed);
    add_needed(store, store.layout().vms(), needed);
    for (const auto& name : store.host().list(store.layout().trees())) {
        const Path tree = store.layout().trees() / name;
        if (name != file_name::lock && !needed.contains(tree))
            store.host().discard(tree);
    }
}

} // namespace cpi::trees
