#pragma once

#include "by_libvirt/libvirt_machines.h"

namespace cpi {

[[nodiscard]] const Hypervisor& xen_row() noexcept;
[[nodiscard]] const Machinery& xen_machinery() noexcept;

} // namespace cpi
