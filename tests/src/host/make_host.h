#pragma once

#include "host/host.h"

#include <memory>

namespace cpi::test {

/// The host that a suite is about, seen from a call of its own.
[[nodiscard]] std::unique_ptr<Host> make_host();

} // namespace cpi::test
