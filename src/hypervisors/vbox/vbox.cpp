#include "vbox/vbox.h"

#include "vbox/vbox_machines.h"

#include <array>

namespace cpi {

namespace {

constexpr std::array<std::string_view, 1> uri_drivers{"vbox"};
constexpr std::array<std::string_view, 5> stemcell_formats{"vsphere-ovf", "vsphere-ova", "general-ovf",
                                                           "openstack-qcow2", "openstack-raw"};
constexpr std::array<std::string_view, 1> image_formats{vbox::image_format};

constexpr std::string_view no_libvirt = "VirtualBox is not controlled through libvirt";
constexpr std::string_view no_tuning = "VirtualBox chooses itself how it reads and writes";
constexpr std::string_view no_limits =
    "VirtualBox's limits are for groups of disks and cannot be changed later";
constexpr std::array vm_limits{
    Limit{"autostart", Limit::Kind::differs, "by a unit"},
    Limit{"acceleration", Limit::Kind::ignored, "VirtualBox takes the processor's virtualisation"},
    Limit{"root_filesystem", Limit::Kind::ignored, "it is for containers"},
    Limit{"virtualization", Limit::Kind::ignored, "it is for Xen"},
    Limit{"encryption", Limit::Kind::refused, "VirtualBox needs a closed extension for it"},
    Limit{"storage_pool", Limit::Kind::refused, no_libvirt},
    Limit{"preallocation", Limit::Kind::ignored, "images grow as they are written to"},
    Limit{"cache", Limit::Kind::ignored, no_tuning},
    Limit{"io", Limit::Kind::ignored, no_tuning},
    Limit{"discard", Limit::Kind::ignored, no_tuning},
    Limit{"iops", Limit::Kind::refused, no_limits},
    Limit{"read_iops", Limit::Kind::refused, no_limits},
    Limit{"write_iops", Limit::Kind::refused, no_limits},
    Limit{"bandwidth", Limit::Kind::refused, no_limits},
    Limit{"read_bandwidth", Limit::Kind::refused, no_limits},
    Limit{"write_bandwidth", Limit::Kind::refused, no_limits},
};

constexpr std::string_view no_such_nic = "VirtualBox's NICs have none";
constexpr std::array nic_limits{
    Limit{"direct", Limit::Kind::refused, "'bridge' (type bridged) takes any interface of the host"},
    Limit{"direct_mode", Limit::Kind::refused, no_such_nic},
    Limit{"openvswitch", Limit::Kind::refused, no_such_nic},
    Limit{"portgroup", Limit::Kind::refused, no_libvirt},
    Limit{"mtu", Limit::Kind::refused, no_such_nic},
    Limit{"vlan", Limit::Kind::refused, no_such_nic},
    Limit{"bandwidth", Limit::Kind::refused, no_such_nic},
    Limit{"nwfilter", Limit::Kind::refused, no_libvirt},
    Limit{"dhcp_reservation", Limit::Kind::refused, no_libvirt},
};

constexpr std::string_view no_networks = "VirtualBox chooses names and addresses itself";
constexpr std::array method_limits{
    Limit{"resize_disk", Limit::Kind::differs, "of detached disks"},
    Limit{"snapshot_disk", Limit::Kind::differs, "while the VM is suspended"},
    Limit{"create_network", Limit::Kind::refused, no_networks},
    Limit{"delete_network", Limit::Kind::refused, no_networks},
};

std::unique_ptr<Machines> control(const Ground& ground)
{
    return std::make_unique<VboxMachines>(ground);
}

/// Never SCSI: the BIOS boots from the first disk that it finds, on IDE, on SATA, then on SCSI, and a
/// persistent disk on SATA would come first. Older guests cannot boot from VirtualBox's virtio disks.
Bus system_bus(StorageController controller)
{
    return controller == StorageController::ide ? Bus::ide : Bus::sata;
}

} // namespace

const Hypervisor& vbox_row() noexcept
{
    static constexpr Hypervisor row{
        .name = "vbox",
        .default_uri = "vbox:///session",
        .uri_drivers = uri_drivers,
        .stemcell_formats = stemcell_formats,
        .control = &control,
        .has_libvirt_networks = false,
        .place_of = &vbox::place_of,
        .method_limits = method_limits,
        .vm_limits = vm_limits,
        .nic_limits = nic_limits,
        .disk_formats = image_formats,
        .ephemeral_format = vbox::image_format,
        .base_formats = image_formats,
        .system_bus = &system_bus,
        .persistent_bus = Bus::sata,
        .hint = &vbox::hint,
    };
    return row;
}

} // namespace cpi
