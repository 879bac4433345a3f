#pragma once

#include "base/units.h"
#include "network/nic.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cpi {

using Path = std::filesystem::path;

/// How a disk is connected. Only scsi disks come and go while a VM runs.
enum class Bus { virtio, scsi, sata, ide };
enum class Firmware { bios, uefi };

struct DiskSpec {
    Path file;
    std::string format; // as the hypervisor's disk driver calls it
    Bus bus = Bus::virtio;
    unsigned position = 0; // among the VM's disks of that bus; on scsi the target number
    std::string serial;    // what the guest finds the disk by; none for the root disk
};

/// A VM as the CPI sees it; nothing in it is particular to a hypervisor.
struct DomainSpec {
    std::string name;
    std::string domain_type; // of those that the hypervisor's row names
    Mebibytes memory;
    unsigned cpus = 1;
    Firmware firmware = Firmware::bios;
    DiskSpec root;
    std::optional<DiskSpec> ephemeral;
    Path settings_medium; // an ISO image, in the only CD-ROM drive
    Path console_log;
    std::vector<Nic> nics;
};

} // namespace cpi
