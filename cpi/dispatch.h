#pragma once

#include "base/log.h"
#include "host/host.h"

#include <functional>
#include <string>
#include <string_view>

namespace cpi {

/// Gives the text of the configuration file; may throw.
using ConfigReader = std::function<std::string()>;

/// Takes the response.
using Respond = std::function<void(std::string_view)>;

/// One request in, one response out. Nothing is thrown: an error is a response too. `source` names the
/// configuration. When this returns, what comes after the response is done as well.
void answer(std::string_view request, std::string_view source, const ConfigReader& read_text, Host& host,
            Log& log, const Respond& respond) noexcept;

} // namespace cpi
