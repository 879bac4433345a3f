#pragma once

#include "base/log.h"
#include "host/host.h"

#include <functional>
#include <string>
#include <string_view>

namespace cpi {

/// Gives the text of the configuration file; may throw.
using ConfigReader = std::function<std::string()>;

/// One request in, one response out. Nothing is thrown: an error is a response too. `source` names the
/// configuration.
[[nodiscard]] std::string answer(std::string_view request, std::string_view source,
                                 const ConfigReader& read_text, Host& host, Log& log) noexcept;

} // namespace cpi
