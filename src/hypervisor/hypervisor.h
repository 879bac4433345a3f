#pragma once

#include "hypervisor/domain_spec.h"

#include <span>
#include <string>
#include <string_view>

namespace cpi {

/// The configuration's `storage_controller`: what a VM's own disks (root and ephemeral) are connected to.
enum class StorageController { ide, scsi, sata, virtio };

/// What the functions of a hypervisor that has no VMs yet would be.
struct Machinery {
    /// The domain types to try, best first. The next one is tried only when the one before does not work on
    /// the host.
    std::span<const std::string_view> domain_types;
    unsigned undefine_flags;
    /// Of disks that we make; a stemcell's image may stay in any of `base_formats`.
    std::string_view disk_format;
    std::span<const std::string_view> base_formats;
    /// Where persistent disks go, whatever the storage controller is: they come and go while the VM runs.
    Bus persistent_bus;

    Bus (*system_bus)(StorageController);
    std::string (*domain_xml)(const DomainSpec&);
    std::string (*disk_xml)(const DiskSpec&);
    /// The path by which a guest finds a disk with that serial number.
    std::string (*device_path)(Bus, std::string_view serial);
};

/// One row of what differs between hypervisors. A new difference is a new column.
struct Hypervisor {
    std::string_view name; // in the CPI's configuration
    std::string_view default_uri;
    std::span<const std::string_view> uri_drivers; // of libvirt, that serve this hypervisor
    std::span<const std::string_view> stemcell_formats;
    const Machinery* machinery; // null: the configuration is understood, VMs are not built
};

[[nodiscard]] std::span<const Hypervisor> hypervisors() noexcept;

/// The machinery, or not_implemented.
[[nodiscard]] const Machinery& machinery_of(const Hypervisor& hypervisor);

/// QEMU's machinery: pure functions and data, held against libvirt's own parser by the tests.
[[nodiscard]] const Machinery& qemu_machinery() noexcept;

} // namespace cpi
