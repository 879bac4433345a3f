#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpi {

/// The number of an IPv4 address in dotted notation; nothing when `text` is not one.
[[nodiscard]] std::optional<std::uint32_t> parse_ipv4(std::string_view text);

/// Whether `text` is an IPv4 or IPv6 address.
[[nodiscard]] bool is_ip_address(const std::string& text);

/// Whether these bits are ones followed by zeros.
[[nodiscard]] bool is_netmask(std::uint32_t bits) noexcept;

} // namespace cpi
