#include "hypervisor/hypervisor.h"

#include <array>

namespace cpi {

namespace {

constexpr std::array<std::string_view, 1> vbox_drivers{"vbox"};
constexpr std::array<std::string_view, 1> xen_drivers{"xen"};

constexpr std::array<std::string_view, 3> vsphere_stemcells{"vsphere-ovf", "vsphere-ova", "general-ovf"};
constexpr std::array<std::string_view, 3> xen_stemcells{"openstack-raw", "openstack-qcow2", "general-tar"};

constexpr Hypervisor vbox{.name = "vbox",
                          .default_uri = "vbox:///session",
                          .uri_drivers = vbox_drivers,
                          .stemcell_formats = vsphere_stemcells};
constexpr Hypervisor xen{
    .name = "xen", .default_uri = "xen:///", .uri_drivers = xen_drivers, .stemcell_formats = xen_stemcells};

} // namespace

std::span<const Hypervisor* const> hypervisors() noexcept
{
    static const std::array rows{&qemu_row(), &vbox, &lxc_row(), &xen, &vmware_row()};
    return rows;
}

} // namespace cpi
