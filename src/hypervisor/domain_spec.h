#pragma once

#include "base/secret.h"
#include "base/units.h"
#include "network/nic.h"
#include "volumes/id_map.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

using Path = std::filesystem::path;

/// How a disk is connected.
enum class Bus { virtio, scsi, sata, ide, xen };
enum class Firmware { bios, uefi };
/// What Xen makes of a VM: a whole PC, a PC without a BIOS, or none that needs the processor's help.
enum class Virtualization { hvm, pvh, pv };

/// How the hypervisor treats what a guest writes, as QEMU calls it.
enum class Cache { none, writeback, writethrough, directsync, unsafe };
enum class Io { threads, native, io_uring };
/// What becomes of room that the guest no longer needs.
enum class Discard { unmap, ignore };

[[nodiscard]] constexpr std::string_view word_of(Cache cache) noexcept
{
    switch (cache) {
    case Cache::none: return "none";
    case Cache::writeback: return "writeback";
    case Cache::writethrough: return "writethrough";
    case Cache::directsync: return "directsync";
    case Cache::unsafe: break;
    }
    return "unsafe";
}
[[nodiscard]] constexpr std::string_view word_of(Io io) noexcept
{
    switch (io) {
    case Io::threads: return "threads";
    case Io::native: return "native";
    case Io::io_uring: break;
    }
    return "io_uring";
}
[[nodiscard]] constexpr std::string_view word_of(Discard discard) noexcept
{
    return discard == Discard::unmap ? "unmap" : "ignore";
}

/// What can be chosen anew whenever a disk is attached. Bandwidth is in KiB.
struct DiskTuning {
    std::optional<Cache> cache = {};
    std::optional<Io> io = {};
    Discard discard = Discard::unmap;
    RateLimit iops = {};
    RateLimit read_iops = {};
    RateLimit write_iops = {};
    RateLimit bandwidth = {};
    RateLimit read_bandwidth = {};
    RateLimit write_bandwidth = {};
};

/// An image that nobody writes to, which another one holds the differences from.
struct BaseImage {
    Path file;
    std::string format;
    bool is_stemcells = false; // of the store, and readable by all
};

struct DiskSpec {
    Path file;
    std::string format; // as the hypervisor's disk driver calls it
    Bus bus = Bus::virtio;
    unsigned position = 0;   // among the VM's disks of that bus; on scsi the target number, on xen the letter
    std::string serial = {}; // what the guest finds the disk by; none for the root disk
    DiskTuning tuning = {};
    std::string secret = {};       // the usage name of libvirt's secret with the key; none: not encrypted
    std::optional<IdMap> ids = {}; // of its files, where it holds a container's file system
    std::optional<BaseImage> base = {};
};

/// Where a disk is to be copied to. With a key the copy is encrypted; `secret` names it in libvirt.
struct DiskCopy {
    Path file;
    std::optional<Secret> key = {};
    std::string secret = {};
};

/// How an agent finds a disk. Which of these it reads depends on what its stemcell was made for; what is
/// empty is not said.
struct DiskHint {
    std::string path;
    std::string id = {};
    std::string volume_id = {};
};

/// The configuration's and a VM's wish for hardware virtualisation.
enum class Acceleration { automatic, kvm, emulation };

/// How a VM's screen is seen from afar.
enum class Graphics { none, rdp };

/// What VirtualBox pretends to be, for guests that know how to run on it.
enum class Paravirtualization { none, standard, legacy, minimal, hyperv, kvm };

[[nodiscard]] constexpr std::string_view word_of(Paravirtualization provider) noexcept
{
    switch (provider) {
    case Paravirtualization::none: return "none";
    case Paravirtualization::standard: return "default";
    case Paravirtualization::legacy: return "legacy";
    case Paravirtualization::minimal: return "minimal";
    case Paravirtualization::hyperv: return "hyperv";
    case Paravirtualization::kvm: break;
    }
    return "kvm";
}

/// A VM as the CPI sees it.
struct DomainSpec {
    std::string name;
    bool autostart = false; // it starts with the host
    Acceleration acceleration = Acceleration::automatic;
    Mebibytes memory;
    unsigned cpus = 1;
    Firmware firmware = Firmware::bios;
    Virtualization virtualization = Virtualization::hvm;
    DiskSpec root;
    std::optional<DiskSpec> ephemeral;
    Path settings_medium; // an ISO image, in the only CD-ROM drive
    Path console_log;
    // Of a container.
    std::string init = {}; // the program that it starts with
    std::optional<IdMap> ids = {};
    // Of VirtualBox.
    Graphics graphics = Graphics::none;
    Paravirtualization paravirtualization = Paravirtualization::kvm;
    bool nested_paging = true;
    std::vector<Nic> nics;
};

} // namespace cpi
