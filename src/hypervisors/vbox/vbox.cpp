#include "vbox/vbox.h"

#include "properties/nics.h"
#include "properties/vm.h"
#include "vbox/vbox_machines.h"
#include "vbox/vbox_properties.h"

#include <array>

namespace cpi {

namespace {

constexpr std::array<std::string_view, 1> uri_drivers{"vbox"};
constexpr std::array<std::string_view, 5> stemcell_formats{"vsphere-ovf", "vsphere-ova", "general-ovf",
                                                           "openstack-qcow2", "openstack-raw"};
constexpr std::array<std::string_view, 1> image_formats{vbox::image_format};

constexpr std::array vm_honours{
    honours(vm_property::cpus),           honours(vm_property::memory),
    honours(vm_property::firmware),       honours(vm_property::autostart, "by a unit"),
    honours(vm_property::ephemeral_disk), honours(vm_property::root_disk),
    honours(disk_property::format),       honours(vbox::graphics),
    honours(vbox::paravirt_provider),     honours(vbox::nested_paging),
};
constexpr std::string_view no_libvirt = "VirtualBox is not controlled through libvirt";
constexpr std::array vm_refusals{
    lacks(Family::machine, no_libvirt),
    lacks(vm_property::acceleration, "VirtualBox takes the processor's virtualisation"),
    lacks(disk_property::encryption, "VirtualBox needs a closed extension for it"),
    lacks(disk_property::preallocation, "images grow as they are written to"),
    lacks(Family::image, no_libvirt),
    lacks(Family::tuning, "VirtualBox chooses itself how it reads and writes"),
    lacks(Family::limit, "VirtualBox's limits are for groups of disks and cannot be changed later"),
};

constexpr std::array nic_honours{honours(nic_property::network), honours(nic_property::name),
                                 honours(nic_property::type),    honours(nic_property::bridge),
                                 honours(nic_property::mac),     honours(nic_property::model)};
constexpr std::array nic_refusals{
    lacks(nic_property::direct, "'bridge' (type bridged) takes any interface of the host"),
    lacks(nic_property::portgroup, no_libvirt),
    lacks(Family::place, "VirtualBox's NICs have none"),
    lacks(nic_property::nwfilter, no_libvirt),
    lacks(nic_property::dhcp_reservation, no_libvirt),
    lacks(Family::nic, "VirtualBox's NICs have none"),
};

constexpr std::array method_notes{
    Note{"resize_disk", "of detached disks"},
    Note{"snapshot_disk", "while the VM is suspended"},
};

constexpr OwnProperties own = own_properties<VboxProperties>();

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
        .why_no_networks = "VirtualBox chooses names and addresses itself",
        .place_of = &vbox::place_of,
        .method_notes = method_notes,
        .of_vms = {vm_honours, vm_refusals},
        .of_nics = {nic_honours, nic_refusals},
        .own = &own,
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
