#pragma once

#include "base/secret.h"
#include "network/nic.h"
#include "properties/disks.h"
#include "properties/hardware.h"
#include "volumes/id_map.h"

#include <any>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

using Path = std::filesystem::path;

/// How a disk is connected.
enum class Bus { virtio, scsi, sata, ide, xen };

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

/// A VM as the CPI sees it.
struct DomainSpec {
    std::string name;
    bool autostart = false; // it starts with the host
    Acceleration acceleration = Acceleration::automatic;
    Hardware hardware;
    Firmware firmware = Firmware::bios;
    DiskSpec root;
    std::optional<DiskSpec> ephemeral;
    Path settings_medium; // an ISO image, in the only CD-ROM drive
    Path console_log;
    // Of a container.
    std::string init = {}; // the program that it starts with
    std::optional<IdMap> ids = {};
    std::vector<Nic> nics;
    std::any own = {}; // the hypervisor's own properties
};

/// The hypervisor's own properties, which are a T; the usual ones where nothing is said.
template <class T>
const T& own_of(const DomainSpec& spec)
{
    static const T usual;
    const T* own = std::any_cast<T>(&spec.own);
    return own == nullptr ? usual : *own;
}

} // namespace cpi
