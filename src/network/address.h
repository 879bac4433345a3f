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

/// The dotted notation of an IPv4 address.
[[nodiscard]] std::string ipv4_text(std::uint32_t address);

/// An IPv4 or IPv6 address as inet_ntop writes it; nothing when `text` is neither.
[[nodiscard]] std::optional<std::string> normal_address(const std::string& text);

[[nodiscard]] bool is_ipv6_address(const std::string& text);

/// Whether `text` is an IPv6 address of ones followed by zeros.
[[nodiscard]] bool is_ipv6_netmask(const std::string& text);

} // namespace cpi
