#pragma once

#include "cpi/wire/arguments.h"
#include "cpi/wire/results.h"

#include <optional>
#include <vector>

namespace cpi {

class Cpi;

/// `vm` is a hint as to where the disk will be needed; on one host there is nothing to choose.
DiskCid create_disk(Cpi& cpi, const DiskSize& size, const DiskProperties& properties,
                    const std::optional<VmCid>& vm);
bool has_disk(Cpi& cpi, const DiskCid& cid);
void delete_disk(Cpi& cpi, const DiskCid& cid);
DiskHint attach_disk(Cpi& cpi, const VmCid& vm, const DiskCid& cid);
void detach_disk(Cpi& cpi, const VmCid& vm, const DiskCid& cid);
std::vector<DiskCid> get_disks(Cpi& cpi, const VmCid& vm);
/// Grows a disk, detached or in use. A smaller size is not_supported, and nothing is touched.
void resize_disk(Cpi& cpi, const DiskCid& cid, const DiskSize& size);
/// Gives a detached disk these properties and this size. What cannot be done is not_supported, and nothing is
/// touched. Returns the cid, which stays.
DiskCid update_disk(Cpi& cpi, const DiskCid& cid, const DiskSize& size, const DiskProperties& properties);
void set_disk_metadata(Cpi& cpi, const DiskCid& cid, const std::map<std::string, TagValue>& metadata);

} // namespace cpi
