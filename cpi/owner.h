#pragma once

#include "base/ids.h"
#include "cpi/cpi.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

/// A store may hold objects of several hypervisors, when the configuration was switched from one to another.
/// Their records name their hypervisor: what belongs to another one is refused before anything is touched.

/// Of an object whose record names `owner`.
void require_own(Cpi& cpi, std::string_view cid, std::string_view owner);
/// Of an object whose record is this; without one it is nobody's.
void require_own_record(Cpi& cpi, std::string_view cid, const std::optional<std::string>& record);

template <class Tag>
inline constexpr std::string_view record_file = {};
template <>
inline constexpr std::string_view record_file<VmTag> = file_name::vm_record;
template <>
inline constexpr std::string_view record_file<DiskTag> = file_name::disk_record;
template <>
inline constexpr std::string_view record_file<SnapshotTag> = file_name::snapshot_record;
template <>
inline constexpr std::string_view record_file<StemcellTag> = file_name::stemcell_record;

/// Of an object, finished or in the making.
template <class Tag>
void require_own(Cpi& cpi, const Id<Tag>& cid)
{
    require_own_record(cpi, cid.str(), cpi.store().read(cid, record_file<Tag>));
}

/// Puts the VM's record into its folder: the first thing that is made of it. By the record it is known
/// what to give back of the addresses.
void write_vm_record(Cpi& cpi, const Path& folder, const std::vector<AddressClaim>& addresses);
/// The files of the addresses that a VM's record names.
[[nodiscard]] std::vector<std::string> addresses_in(const std::string& vm_record);

} // namespace cpi
