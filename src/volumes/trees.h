#pragma once

#include "records/store.h"

/// Root file systems that several objects of the store share. An image has a second name in the folder of
/// each VM that needs it; a folder cannot have one, so these are apart, and each object that needs one has a
/// link `tree` to it.
namespace cpi::trees {

/// Moves a folder that was built on the store's file system to its place and makes `holder`, a stemcell's
/// folder in the making, need it.
void keep(Store& store, const Path& built, const Path& holder);

/// Makes `holder`, a VM's folder in the making, need the one that the stemcell needs. Returns where it is.
Path share(Store& store, const Path& stemcell, const Path& holder);

/// Removes those that nobody needs any more.
void sweep(Store& store);

/// Discards a stemcell or a VM, and the tree that nobody else needs.
template <class Tag>
void discard_holder(Store& store, const Id<Tag>& cid)
{
    const bool holds_a_tree = store.host().target_of(store.layout().of(cid) / file_name::tree).has_value();
    store.discard(cid);
    if (holds_a_tree)
        sweep(store);
}

} // namespace cpi::trees
