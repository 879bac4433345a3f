#include "base/error.h"
#include "hypervisor/hypervisor.h"

#include <array>

namespace cpi {

namespace {

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
                   .stemcell_formats = qemu_stemcells,
                   .machinery = &qemu_machinery()},
        Hypervisor{.name = "vbox",
                   .default_uri = "vbox:///session",
                   .stemcell_formats = vsphere_stemcells,
                   .machinery = nullptr},
        Hypervisor{.name = "lxc",
                   .default_uri = "lxc:///",
                   .stemcell_formats = warden_stemcells,
                   .machinery = nullptr},
        Hypervisor{.name = "xen", .default_uri = "xen:///", .stemcell_formats = xen_stemcells, .machinery = nullptr},
        Hypervisor{.name = "vmware",
                   .default_uri = "vmware:///session",
                   .stemcell_formats = vsphere_stemcells,
                   .machinery = nullptr},
    };
    return rows;
}

const Machinery& machinery_of(const Hypervisor& hypervisor)
{
    if (hypervisor.machinery == nullptr)
        throw Error{ErrorKind::not_implemented,
                    concat("hypervisor '", hypervisor.name, "' is not built yet; this version runs VMs on qemu")};
    return *hypervisor.machinery;
}

} // namespace cpi
