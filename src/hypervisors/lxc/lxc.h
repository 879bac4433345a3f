#pragma once

#include "by_libvirt/libvirt_machines.h"

namespace cpi {

[[nodiscard]] const Hypervisor& lxc_row() noexcept;
[[nodiscard]] const Machinery& lxc_machinery() noexcept;

} // namespace cpi
