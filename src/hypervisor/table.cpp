#include "hypervisor/hypervisor.h"

#include <array>

namespace cpi {

std::span<const Hypervisor* const> hypervisors() noexcept
{
    static const std::array rows{&qemu_row(), &vbox_row(), &lxc_row(), &xen_row(), &vmware_row()};
    return rows;
}

} // namespace cpi
