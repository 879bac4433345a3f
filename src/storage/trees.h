#pragma once

#include "storage/store.h"

#include <string_view>

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

} // namespace cpi::trees
