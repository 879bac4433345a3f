#pragma once

#include "by_libvirt/libvirt_machines.h"

namespace cpi {

[[nodiscard]] const Hypervisor& qemu_row() noexcept;
[[nodiscard]] const Machinery& qemu_machinery() noexcept;

} // namespace cpi
