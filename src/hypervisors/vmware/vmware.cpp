#include "vmware/vmware.h"

#include "vmware/vmware_definition.h"
#include "vmware/vmware_machines.h"

#include <array>

namespace cpi {

namespace {

// libvirt itself does not know the first one: it is the name under which the configuration asks for any of
// the others.
constexpr std::array<std::string_view, 4> uri_drivers{"vmware", "vmwarews", "vmwareplayer", "vmwarefusion"};
constexpr std::array<std::string_view, 3> stemcell_formats{"vsphere-ovf", "vsphere-ova", "general-ovf"};
constexpr std::array<std::string_view, 1> image_formats{"vmdk"};

using Kind = Limit::Kind;

constexpr std::string_view restarts = "while the VM restarts";
constexpr std::array method_limits{
    Limit{"attach_disk", Kind::differs, restarts},
    Limit{"detach_disk", Kind::differs, restarts},
    Limit{"resize_disk", Kind::differs, "of detached disks"},
    Limit{"snapshot_disk", Kind::differs, "while the VM is suspended"},
    Limit{"create_network", Kind::refused, "VMware's networks are made by vmware-netcfg"},
    Limit{"delete_network", Kind::refused, "VMware's networks are made by vmware-netcfg"},
};

constexpr std::string_view vmdk =
    "VMware's images are VMDKs, which are not encrypted and grow as they are written";
constexpr std::string_view no_pools = "libvirt has no storage pools for VMware";
constexpr std::string_view no_tuning = "libvirt has no words for it in VMware's disks";
constexpr std::array vm_limits{
    Limit{"autostart", Kind::differs, "by a unit"},
    Limit{"root_filesystem", Kind::ignored, "it is for containers"},
    Limit{"virtualization", Kind::ignored, "it is for Xen"},
    Limit{"graphics", Kind::refused, "a VM has a serial console and no screen"},
    Limit{"paravirt_provider", Kind::ignored, "it is VirtualBox's"},
    Limit{"nested_paging", Kind::ignored, "it is VirtualBox's"},
    Limit{"acceleration", Kind::ignored, "VMware uses what the processor has"},
    Limit{"format", Kind::refused, vmdk},
    Limit{"preallocation", Kind::refused, vmdk},
    Limit{"encryption", Kind::refused, vmdk},
    Limit{"storage_pool", Kind::refused, no_pools},
    Limit{"cache", Kind::ignored, no_tuning},
    Limit{"io", Kind::ignored, no_tuning},
    Limit{"discard", Kind::ignored, no_tuning},
    Limit{"iops", Kind::refused, no_tuning},
    Limit{"read_iops", Kind::refused, no_tuning},
    Limit{"write_iops", Kind::refused, no_tuning},
    Limit{"bandwidth", Kind::refused, no_tuning},
    Limit{"read_bandwidth", Kind::refused, no_tuning},
    Limit{"write_bandwidth", Kind::refused, no_tuning},
};

constexpr std::string_view own_networks = "NICs are plugged into VMware's own networks";
constexpr std::array nic_limits{
    Limit{"network", Kind::differs, "`nat`, `bridged` and `vmnetN`"},
    Limit{"name", Kind::differs, "as `network`"},
    Limit{"type", Kind::refused, "it is VirtualBox's"},
    Limit{"bridge", Kind::differs, "to what VMware bridges"},
    Limit{"model", Kind::differs, "vmxnet3 (default), e1000 or e1000e"},
    Limit{"direct", Kind::refused, own_networks},
    Limit{"direct_mode", Kind::refused, own_networks},
    Limit{"openvswitch", Kind::refused, own_networks},
    Limit{"portgroup", Kind::refused, own_networks},
    Limit{"dhcp_reservation", Kind::refused, own_networks},
    Limit{"vlan", Kind::refused, own_networks},
    Limit{"bandwidth", Kind::refused, own_networks},
    Limit{"nwfilter", Kind::refused, own_networks},
    Limit{"mtu", Kind::refused, own_networks},
};

/// VMware has no SATA controllers through libvirt, and virtio is QEMU's own.
Bus system_bus(StorageController controller)
{
    return controller == StorageController::ide ? Bus::ide : Bus::scsi;
}

std::unique_ptr<Machines> control(const Ground& ground)
{
    return std::make_unique<VmwareMachines>(ground);
}

} // namespace

const Hypervisor& vmware_row() noexcept
{
    static constexpr Hypervisor row{
        .name = "vmware",
        .default_uri = "vmware:///session",
        .uri_drivers = uri_drivers,
        .stemcell_formats = stemcell_formats,
        .find_uri = &find_vmware,
        .control = &control,
        .nic_model = NicModel::vmxnet3,
        .has_libvirt_networks = false,
        .method_limits = method_limits,
        .vm_limits = vm_limits,
        .nic_limits = nic_limits,
        .disk_formats = image_formats,
        .ephemeral_format = "vmdk",
        .base_formats = image_formats,
        .system_bus = &system_bus,
        .persistent_bus = Bus::scsi,
        .hint = &vmware::hint,
    };
    return row;
}

} // namespace cpi
