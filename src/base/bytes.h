#pragma once

#include <cstdint>
#include <ranges>
#include <string_view>

namespace cpi {

/// A number that is written with its least significant byte first.
[[nodiscard]] constexpr std::uint64_t little_endian(std::string_view bytes) noexcept
{
    std::uint64_t number = 0;
    for (const char byte : std::views::reverse(bytes))
        number = number << 8U | static_cast<unsigned char>(byte);
    return number;
}

} // namespace cpi
