#include "vmware/vmware.h"

#include "properties/nics.h"
#include "properties/vm.h"
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

constexpr std::string_view restarts = "while the VM restarts";
constexpr std::array method_notes{
    Note{"attach_disk", restarts},
    Note{"detach_disk", restarts},
    Note{"resize_disk", "of detached disks"},
    Note{"snapshot_disk", "while the VM is suspended"},
};

constexpr std::array vm_honours{
    honours(vm_property::cpus),           honours(vm_property::memory),
    honours(vm_property::firmware),       honours(vm_property::autostart, "by a unit"),
    honours(vm_property::ephemeral_disk), honours(vm_property::root_disk),
};
constexpr std::string_view no_words = "libvirt has no words for it in VMware's definitions";
constexpr std::array vm_refusals{
    lacks(Family::machine, no_words),
    lacks(vm_property::acceleration, "VMware uses what the processor has"),
    lacks(Family::image, "VMware's images are VMDKs, which are not encrypted and grow as they are written"),
    lacks(disk_property::storage_pool, "libvirt has no storage pools for VMware"),
    lacks(Family::tuning, no_words),
    lacks(Family::limit, no_words),
};

constexpr std::array nic_honours{
    honours(nic_property::network, "`nat`, `bridged` and `vmnetN`"),
    honours(nic_property::name, "as `network`"),
    honours(nic_property::bridge, "to what VMware bridges"),
    honours(nic_property::mac),
    honours(nic_property::model, "vmxnet3 (default), e1000 or e1000e"),
};
constexpr std::string_view own_networks = "NICs are plugged into VMware's own networks";
constexpr std::array nic_refusals{lacks(Family::place, own_networks), lacks(Family::nic, own_networks)};

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
        .why_no_networks = "VMware's networks are made by vmware-netcfg",
        .method_notes = method_notes,
        .of_vms = {vm_honours, vm_refusals},
        .of_nics = {nic_honours, nic_refusals},
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
