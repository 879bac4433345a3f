#pragma once

#include <compare>
#include <cstdint>

namespace cpi {

/// A size that was checked when it was read: never negative, and its bytes fit 64 bits.
struct Mebibytes {
    std::uint64_t count = 0;
    [[nodiscard]] constexpr std::uint64_t bytes() const noexcept { return count * 1024 * 1024; }
    auto operator<=>(const Mebibytes&) const = default;

    [[nodiscard]] static constexpr Mebibytes rounded_up(std::uint64_t bytes) noexcept
    {
        return {bytes / (1024 * 1024) + (bytes % (1024 * 1024) != 0 ? 1 : 0)};
    }
};

} // namespace cpi
