#pragma once

#include "base/ids.h"
#include "hypervisor/hypervisor.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

[[nodiscard]] const Hypervisor& vbox_row() noexcept;

} // namespace cpi

/// What is said to VirtualBox's VBoxManage, and what it says. Pure.
namespace cpi::vbox {

using Words = std::vector<std::string>;

/// Of all images: no other keeps a UUID and grows there.
inline constexpr std::string_view image_format = "vdi";

/// Names of VMs are not unique there: everything is addressed by UUIDs, which follow from cids.
[[nodiscard]] std::string uuid_of(const VmCid& vm);
/// A disk's UUID follows from the folder that its image is in, which is its owner's, and from its serial
/// number: a copy of an image, which has its UUID, becomes another disk wherever it is put.
[[nodiscard]] std::string uuid_of(const DiskSpec& disk);
/// Where a disk image has that: what its header says, nothing when it is none of VirtualBox.
inline constexpr std::size_t header_bytes = 0x198;
[[nodiscard]] std::optional<std::string> uuid_in(std::string_view header);
[[nodiscard]] Words give_uuid(const DiskSpec& disk);

/// How a guest finds a disk.
[[nodiscard]] DiskHint hint(const DiskSpec& disk);

/// What a NIC is plugged into of which only a name is known.
[[nodiscard]] NicSource place_of(const NicSource& named);

/// The calls that make a VM, each a list of words.
[[nodiscard]] std::vector<Words> creation(const DomainSpec& spec);

enum class While : bool { off, running };
/// Gives a persistent disk to a VM.
[[nodiscard]] Words attachment(const std::string& vm, const Path& image, unsigned port, While state);
[[nodiscard]] Words detachment(const std::string& vm, unsigned port);

/// A persistent disk of a VM.
struct Attached {
    DiskCid disk;
    Path image;
    unsigned port = 0;
};

/// What showvminfo --machinereadable says.
struct VmInfo {
    std::string state; // empty: VirtualBox cannot read the VM's settings
    std::vector<Attached> disks;
    std::vector<unsigned> free_ports; // for persistent disks
};
[[nodiscard]] VmInfo read_info(std::string_view machine_readable);

/// The values of a key in one of VBoxManage's lists: "Name:   vboxnet0".
[[nodiscard]] std::vector<std::string> values_of(std::string_view list, std::string_view key);

} // namespace cpi::vbox
