#pragma once

#include "base/ids.h"
#include "cpi/wire/arguments.h"

#include <map>
#include <string>

namespace cpi {

class Cpi;

/// A copy of the disk at one point in time, which needs neither the disk nor its VM. A guest goes on while it
/// is made.
SnapshotCid snapshot_disk(Cpi& cpi, const DiskCid& cid, const std::map<std::string, TagValue>& metadata);
/// Ends what calls that were killed have left of copies: a guest may be frozen for one.
void end_abandoned_snapshots(Cpi& cpi);
/// An absent one is fine.
void delete_snapshot(Cpi& cpi, const SnapshotCid& snapshot);

enum class RestoreTo { the_disk, a_new_disk };
/// Makes the disk, which nothing has attached, what it was, or a new disk of it. The snapshot stays. Returns
/// the disk's cid.
DiskCid restore_disk(Cpi& cpi, const SnapshotCid& snapshot, RestoreTo to);

} // namespace cpi
