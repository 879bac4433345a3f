#pragma once

#include "base/ids.h"
#include "hypervisor/domain_spec.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What is in the definition of a container, and in the kernel's list of its mounts. Pure.
namespace cpi::container {

/// Below it an agent finds persistent disks, each in a folder of its cid.
inline constexpr std::string_view disks_folder = "/warden-cpi-dev";
[[nodiscard]] std::string folder_of(const DiskCid& disk);

/// The disks of a definition, with their images.
struct Disk {
    DiskCid cid;
    Path image;
};
[[nodiscard]] std::vector<Disk> disks_in(std::string_view domain_xml);
[[nodiscard]] std::optional<Disk> find_disk(std::string_view domain_xml, const DiskCid& disk);
[[nodiscard]] std::string with_disk(std::string_view domain_xml, const DiskCid& disk, const Path& image);
[[nodiscard]] std::string without_disk(std::string_view domain_xml, const DiskCid& disk);

/// Which program is the container's first process.
[[nodiscard]] std::string init_program(std::string_view domain_xml);

/// A NIC as the container calls it.
struct GuestNic {
    std::string device;
    std::string mac;
};
[[nodiscard]] std::vector<GuestNic> nics_in(std::string_view domain_xml);

struct Mount {
    std::string device; // "7:3"
    std::string place;
};
/// Of /proc/<pid>/mountinfo.
[[nodiscard]] std::vector<Mount> mounts_in(std::string_view mountinfo);
[[nodiscard]] std::optional<Mount> mount_at(const std::vector<Mount>& mounts, std::string_view place);

} // namespace cpi::container
