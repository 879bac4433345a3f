#pragma once

#include "hypervisor/domain_spec.h"
#include "hypervisor/machines.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace cpi {

class Host;
class Layout;
class Libvirt;
class Log;

/// The configuration's `storage_controller`: what a VM's own disks (root and ephemeral) are connected to.
enum class StorageController { ide, scsi, sata, virtio };

/// What control over VMs works with.
struct Ground {
    Libvirt& libvirt;
    Host& host;
    const Layout& layout;
    Log& log;
};

/// What a method or a cloud property, by its name, is not on a hypervisor.
struct Limit {
    enum class Kind {
        refused, // NotSupported
        ignored, // nothing is lost by going on without it
        differs, // done, but not as on qemu
    };
    std::string_view subject;
    Kind kind;
    std::string_view why;
};

/// One row of what differs between hypervisors. A new difference is a new column.
struct Hypervisor {
    std::string_view name; // in the CPI's configuration
    std::string_view default_uri;
    std::span<const std::string_view> uri_drivers; // of libvirt, that serve this hypervisor
    std::span<const std::string_view> stemcell_formats;

    /// The control over its VMs. Null: the configuration is understood, VMs are not built.
    std::unique_ptr<Machines> (*control)(const Ground& ground) = nullptr;

    std::span<const Limit> method_limits = {};
    std::span<const Limit> vm_limits = {};  // of the cloud properties of VMs and disks
    std::span<const Limit> nic_limits = {}; // of those of networks

    /// Of disks that we make; a stemcell's image may stay in any of `base_formats`.
    std::string_view disk_format = {};
    std::span<const std::string_view> base_formats = {};
    Bus (*system_bus)(StorageController) = nullptr;
    /// Where persistent disks go, whatever the storage controller is: they come and go while the VM runs.
    Bus persistent_bus = Bus::scsi;
    /// How a guest finds a disk.
    DiskHint (*hint)(const DiskSpec& disk) = nullptr;
};

[[nodiscard]] std::span<const Hypervisor* const> hypervisors() noexcept;

[[nodiscard]] const Hypervisor& qemu_row() noexcept;

} // namespace cpi
