#pragma once

#include <cstdint>
#include <string_view>

namespace cpi {

/// A number that is written with its least significant byte first.
[[nodiscard]] constexpr std::uint64_t little_endian(std::string_view bytes) noexcept
{
    std::uint64_t number = 0;
    for (; !bytes.empty(); bytes.remove_suffix(1))
        number = number << 8U | static_cast<unsigned char>(bytes.back());
    return number;
}

} // namespace cpi
