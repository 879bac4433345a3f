#pragma once

#include "base/ids.h"
#include "hypervisor/domain_spec.h"
#include "xml/xml.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What is in the definition of a container. Pure.
namespace cpi::container {

/// Below it an agent finds persistent disks, each in a folder of its cid.
inline constexpr std::string_view disks_folder = "/warden-cpi-dev";
[[nodiscard]] std::string folder_of(const DiskCid& disk);

/// The disks of a definition.
[[nodiscard]] std::vector<DiskCid> disks_in(std::string_view domain_xml);
[[nodiscard]] bool has_disk(std::string_view domain_xml, const DiskCid& disk);
/// With a disk whose file system is mounted on the host at `folder`.
[[nodiscard]] std::string with_disk(std::string_view domain_xml, const DiskCid& disk, const Path& folder);
[[nodiscard]] std::string without_disk(std::string_view domain_xml, const DiskCid& disk);

/// Which ids of the host the container's are.
[[nodiscard]] std::optional<IdMap> ids_in(std::string_view domain_xml);

/// A folder of the host that is one of the container's.
void add_folder(const xml::Element& devices, const Path& source, std::string_view target);

/// Which program is the container's first process.
[[nodiscard]] std::string init_program(std::string_view domain_xml);

/// A NIC as the container calls it.
struct GuestNic {
    std::string device;
    std::string mac;
};
[[nodiscard]] std::vector<GuestNic> nics_in(std::string_view domain_xml);

} // namespace cpi::container
