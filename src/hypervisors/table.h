#pragma once

#include "hypervisor/hypervisor.h"

namespace cpi {

/// All that there are. The first one is meant where none is named.
[[nodiscard]] std::span<const Hypervisor* const> hypervisors() noexcept;

} // namespace cpi
