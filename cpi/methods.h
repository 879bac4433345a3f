#pragma once

#include "cpi/wire/method.h"

#include <span>

namespace cpi {

/// Every method of the contract.
[[nodiscard]] std::span<const Method> methods() noexcept;

} // namespace cpi
