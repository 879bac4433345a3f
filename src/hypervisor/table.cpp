#include "hypervisor/hypervisor.h"

#include <array>

namespace cpi {

namespace {

constexpr std::array<std::string_view, 1> vbox_drivers{"vbox"};

constexpr std::array<std::string_view, 3> vsphere_stemcells{"vsphere-ovf", "vsphere-ova", "general-ovf"};

constexpr Hypervisor vbox{.name = "vbox",
                          .default_uri = "vbox:///session",
                          .uri_drivers = vbox_drivers,
                          .stemcell_formats = vsphere_stemcells};

} // namespace

std::span<const Hypervisor* const> hypervisors() noexcept
{
    static const std::array rows{&qemu_row(), &vbox, &lxc_row(), &xen_row(), &vmware_row()};
    return rows;
}

} // namespace cpi
