#include "hypervisor/hypervisor.h"

#include <array>

namespace cpi {

namespace {

constexpr std::array<std::string_view, 1> vbox_drivers{"vbox"};
// libvirt itself does not know the first one: it is the name under which the configuration asks for any of
// the others.
constexpr std::array<std::string_view, 4> vmware_drivers{"vmware", "vmwarews", "vmwareplayer",
                                                         "vmwarefusion"};

constexpr std::array<std::string_view, 3> vsphere_stemcells{"vsphere-ovf", "vsphere-ova", "general-ovf"};

constexpr Hypervisor vbox{.name = "vbox",
                          .default_uri = "vbox:///session",
                          .uri_drivers = vbox_drivers,
                          .stemcell_formats = vsphere_stemcells};
constexpr Hypervisor vmware{.name = "vmware",
                            .default_uri = "vmware:///session",
                            .uri_drivers = vmware_drivers,
                            .stemcell_formats = vsphere_stemcells};

} // namespace

std::span<const Hypervisor* const> hypervisors() noexcept
{
    static const std::array rows{&qemu_row(), &vbox, &lxc_row(), &xen_row(), &vmware};
    return rows;
}

} // namespace cpi
