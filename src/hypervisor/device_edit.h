#pragma once

#include "hypervisor/domain_spec.h"
#include "xml/xml.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

/// What a VM's definition says of its disks. Pure.
struct DefinedDisk {
    std::string serial;
    std::string device_xml; // the element as libvirt wrote it
};

/// The disks that have a serial number, in the definition's order.
[[nodiscard]] std::vector<DefinedDisk> disks_with_serials(std::string_view domain_xml);

[[nodiscard]] std::optional<DefinedDisk> find_disk(std::string_view domain_xml, std::string_view serial);

/// Whether one of the VM's disks or file systems is made of what is in that folder.
[[nodiscard]] bool lives_in(std::string_view domain_xml, const Path& folder);

/// Says below a disk's file that it is encrypted by LUKS, and which of libvirt's secrets opens it.
void add_encryption(const xml::Element& source, std::string_view secret);

/// The job that copies the disk with that serial number, and no other one, to an image of that format.
[[nodiscard]] std::string backup_xml(std::string_view domain_xml, std::string_view serial,
                                     std::string_view format, const DiskCopy& to);

/// Where a disk is in a VM, in libvirt's words: "vda" on "virtio".
struct DiskTarget {
    std::string device;
    std::string bus;
};

/// Those of all disks.
[[nodiscard]] std::vector<DiskTarget> disk_targets(std::string_view domain_xml);

/// That of a disk's own definition.
[[nodiscard]] DiskTarget target_of_disk(std::string_view disk_xml);

/// The target numbers that are taken on the VM's scsi controller.
[[nodiscard]] std::set<unsigned> used_scsi_targets(std::string_view domain_xml);

/// A free target number for a disk. It follows from the serial number as far as possible, so that a number is
/// not used again soon after its disk left: a guest may still be forgetting that one.
[[nodiscard]] unsigned free_scsi_target(const std::set<unsigned>& used, std::string_view serial);

/// The first position that is free, of those from `first` on and before `end`.
[[nodiscard]] unsigned free_place(const std::set<unsigned>& used, unsigned first, unsigned end);

} // namespace cpi
