#pragma once

#include "hypervisor/hypervisor.h"

namespace cpi {

[[nodiscard]] const Hypervisor& vmware_row() noexcept;

} // namespace cpi
