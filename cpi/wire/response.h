#pragma once

#include "base/error.h"

#include <string>
#include <string_view>

namespace cpi {

class Redactor;

/// The name that the Director and the CLI know the kind by.
[[nodiscard]] std::string_view wire_name(ErrorKind kind) noexcept;

/// The envelope around `result`, a JSON text.
[[nodiscard]] std::string success(std::string_view result);

[[nodiscard]] std::string failure(const Redactor& redactor, const Error& error);

/// For when there is no memory left to say it better.
[[nodiscard]] std::string_view out_of_memory() noexcept;

} // namespace cpi
