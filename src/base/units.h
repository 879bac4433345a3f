#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace cpi {

inline constexpr std::size_t mebibyte = std::size_t{1} << 20U;

/// A size that was checked when it was read: never negative, and its bytes fit 64 bits.
struct Mebibytes {
    std::uint64_t count = 0;
    [[nodiscard]] constexpr std::uint64_t bytes() const noexcept { return count << shift; }
    auto operator<=>(const Mebibytes&) const = default;

    [[nodiscard]] static constexpr Mebibytes rounded_up(std::uint64_t bytes) noexcept
    {
        const std::uint64_t whole = bytes >> shift;
        return {whole + (whole << shift == bytes ? 0U : 1U)};
    }

private:
    static constexpr unsigned shift = 20;
};

/// So many of something in a second; 0 is no limit.
struct RateLimit {
    std::uint64_t value = 0;
    bool operator==(const RateLimit&) const = default;
};

} // namespace cpi
