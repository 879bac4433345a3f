#include "hypervisors/table.h"

#include "lxc/lxc.h"
#include "qemu/qemu.h"
#include "vbox/vbox.h"
#include "vmware/vmware.h"
#include "xen/xen.h"

#include <array>

namespace cpi {

std::span<const Hypervisor* const> hypervisors() noexcept
{
    static const std::array rows{&qemu_row(), &vbox_row(), &lxc_row(), &xen_row(), &vmware_row()};
    return rows;
}

} // namespace cpi
