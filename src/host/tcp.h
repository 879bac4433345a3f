#pragma once

#include "host/fd.h"

#include <chrono>
#include <string>

namespace cpi {

/// Connects to a name, or an address of IPv4 or IPv6. After an error that says ok_to_retry a second try can
/// help.
[[nodiscard]] Fd connect_to(const std::string& name, unsigned port);

/// What the kernel there has taken of what was sent, it has said so. There is nothing that it has not taken,
/// or it has taken something lately.
[[nodiscard]] bool kernel_answers(const Fd& socket, std::chrono::milliseconds patience);

} // namespace cpi
