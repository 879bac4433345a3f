#pragma once

#include "hypervisor/domain_spec.h"
#include "hypervisor/machines.h"
#include "hypervisor/support.h"

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

/// What a VM boots from: a disk image, or a folder that holds a root file system.
enum class Root { image, tree };

/// Who gives a VM's NICs their addresses: its agent, or the hypervisor before the agent starts.
enum class NicsAreSetBy { agent, hypervisor };

/// What control over VMs works with.
struct Ground {
    Libvirt& libvirt;
    Host& host;
    const Layout& layout;
    Log& log;
};

/// How a method, by its name, is not as on qemu.
struct Note {
    std::string_view subject;
    std::string_view text;
};

/// One row of what differs between hypervisors. A new difference is a new column.
struct Hypervisor {
    std::string_view name; // in the CPI's configuration
    std::string_view default_uri;
    std::span<const std::string_view> uri_drivers; // of libvirt, that serve this hypervisor
    std::span<const std::string_view> stemcell_formats;

    /// The URI that libvirt knows, where the usual one depends on what is installed. Null: it is known as it
    /// is.
    std::string (*find_uri)(Host& host, std::string_view uri) = nullptr;

    /// The control over its VMs.
    std::unique_ptr<Machines> (*control)(const Ground& ground) = nullptr;

    /// Where the host has AppArmor, libvirt writes a profile for each VM, with the names of its files.
    bool has_profiles = false;

    Root root = Root::image;
    NicsAreSetBy nics_are_set_by = NicsAreSetBy::agent;
    NicModel nic_model = NicModel::virtio; // where nothing is said
    bool boots_uefi = true;
    /// Why networks are not libvirt's, and the control over the VMs makes them usable. Empty: they are.
    std::string_view why_no_networks = {};
    /// What a NIC is plugged into of which only a name is known. Null: libvirt's network of that name.
    NicSource (*place_of)(const NicSource& named) = nullptr;
    std::span<const Note> method_notes = {};
    Support of_vms = {};                // and their disks
    Support of_nics = {};               // of networks' cloud properties
    const OwnProperties* own = nullptr; // of VMs

    /// What images may be of, the usual one of persistent and root disks first.
    std::span<const std::string_view> disk_formats = {};
    std::string_view ephemeral_format = {};
    /// A stemcell's image may stay in any of these.
    std::span<const std::string_view> base_formats = {};
    Bus (*system_bus)(StorageController) = nullptr;
    /// Where persistent disks go, whatever the storage controller is: they come and go while the VM runs.
    Bus persistent_bus = Bus::scsi;
    /// Where they go when the storage controller is strict. Null: it cannot be.
    Bus (*strict_bus)(StorageController) = nullptr;
    /// Disks have no partition table but a file system: the agent only mounts them.
    bool disks_hold_file_systems = false;
    /// How a guest finds a disk.
    DiskHint (*hint)(const DiskSpec& disk) = nullptr;
};

} // namespace cpi
