#include "base/error.h"
#include "hypervisor/hypervisor.h"

#include <array>

namespace cpi {

namespace {

constexpr std::array<std::string_view, 1> qemu_drivers{"qemu"};
constexpr std::array<std::string_view, 1> vbox_drivers{"vbox"};
constexpr std::array<std::string_view, 1> lxc_drivers{"lxc"};
constexpr std::array<std::string_view, 1> xen_drivers{"xen"};
// libvirt itself does not know the first one: it is the name under which the configuration asks for any of
// the others.
constexpr std::array<std::string_view, 4> vmware_drivers{"vmware", "vmwarews", "vmwareplayer",
                                                         "vmwarefusion"};

constexpr std::array<std::string_view, 5> qemu_stemcells{"openstack-qcow2", "openstack-raw", "vsphere-ovf",
                                                         "vsphere-ova", "general-tar"};
constexpr std::array<std::string_view, 3> vsphere_stemcells{"vsphere-ovf", "vsphere-ova", "general-ovf"};
constexpr std::array<std::string_view, 2> warden_stemcells{"warden-tar", "general-tar"};
constexpr std::array<std::string_view, 3> xen_stemcells{"openstack-raw", "openstack-qcow2", "general-tar"};

} // namespace

std::span<const Hypervisor> hypervisors() noexcept
{
    static const std::array rows{
        Hypervisor{.name = "qemu",
                   .default_uri = "qemu:///system",
                   .uri_drivers = qemu_drivers,
                   .stemcell_formats = qemu_stemcells,
                   .machinery = &qemu_machinery()},
        Hypervisor{.name = "vbox",
                   .default_uri = "vbox:///session",
                   .uri_drivers = vbox_drivers,
                   .stemcell_formats = vsphere_stemcells,
                   .machinery = nullptr},
        Hypervisor{.name = "lxc",
                   .default_uri = "lxc:///",
                   .uri_drivers = lxc_drivers,
                   .stemcell_formats = warden_stemcells,
                   .machinery = nullptr},
        Hypervisor{.name = "xen",
                   .default_uri = "xen:///",
                   .uri_drivers = xen_drivers,
                   .stemcell_formats = xen_stemcells,
                   .machinery = nullptr},
        Hypervisor{.name = "vmware",
                   .default_uri = "vmware:///session",
                   .uri_drivers = vmware_drivers,
                   .stemcell_formats = vsphere_stemcells,
                   .machinery = nullptr},
    };
    return rows;
}

const Machinery& machinery_of(const Hypervisor& hypervisor)
{
    if (hypervisor.machinery == nullptr)
        throw Error{ErrorKind::not_implemented, concat("hypervisor '", hypervisor.name,
                                                       "' is not built yet; this version runs VMs on qemu")};
    return *hypervisor.machinery;
}

} // namespace cpi
