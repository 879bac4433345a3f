#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cpi {

[[nodiscard]] std::string encode_base64(std::string_view bytes);

/// Nothing for what is no base64.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

} // namespace cpi
