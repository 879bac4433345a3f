#pragma once

#include "base/units.h"
#include "host/host.h"

/// Between disks with one partition, which agents of VMs make, and bare file systems, which containers mount.
namespace cpi::partition {

/// Copies what is in the only partition of the raw image `disk` to a new file.
void take_out(Host& host, const Path& disk, const Path& file_system);

/// Makes a raw image of a disk whose only partition holds that file system, which has this size.
void put_in(Host& host, const Path& file_system, const Path& disk, Mebibytes size);

} // namespace cpi::partition
