#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpi {

/// The number of an IPv4 address in dotted notation; nothing when `text` is not one.
[[nodiscard]] std::optional<std::uint32_t> parse_ipv4(std::string_view text);

enum class IpFamily { ipv4, ipv6 };

/// An IPv4 or IPv6 address. Those of one family are in the order of their numbers.
class IpAddress {
public:
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
    [[nodiscard]] static IpAddress ipv4(std::uint32_t number);

    [[nodiscard]] IpFamily family() const noexcept { return family_; }
    [[nodiscard]] unsigned width() const noexcept { return family_ == IpFamily::ipv4 ? 32 : 128; }
    [[nodiscard]] std::string text() const;
    /// The address that many further; the caller stays within the family's numbers.
    [[nodiscard]] IpAddress plus(std::int64_t steps) const;
    /// This address with all bits but the first `prefix` cleared, or set.
    [[nodiscard]] IpAddress lowest(unsigned prefix) const;
    [[nodiscard]] IpAddress highest(unsigned prefix) const;
    auto operator<=>(const IpAddress&) const = default; // NOLINT(modernize-use-nullptr): clang-tidy's mistake

private:
    IpAddress(IpFamily family, const std::array<std::uint8_t, 16>& bytes) : family_{family}, bytes_{bytes} {}
    [[nodiscard]] IpAddress with_tail(unsigned prefix, std::uint8_t tail) const;

    IpFamily family_ = IpFamily::ipv4;
    std::array<std::uint8_t, 16> bytes_{}; // an IPv4 address is in the last four
};

/// All addresses from `first` to `last`, of one family.
struct IpRange {
    IpAddress first;
    IpAddress last;

    [[nodiscard]] bool contains(const IpAddress& address) const
    {
        return first <= address && address <= last;
    }
    [[nodiscard]] bool overlaps(const IpRange& other) const;
    bool operator==(const IpRange&) const = default;
};

/// A block of addresses that have their first bits in common, as "10.0.0.0/24".
class Cidr {
public:
    /// The block that `address` is in.
    Cidr(const IpAddress& address, unsigned prefix) : first_{address.lowest(prefix)}, prefix_{prefix} {}
    /// Nothing when `text` is not an address, a slash and a number of bits.
    [[nodiscard]] static std::optional<Cidr> parse(std::string_view text);
    /// Nothing when the netmask is none, or not of the address's family.
    [[nodiscard]] static std::optional<Cidr> of(const IpAddress& address, const IpAddress& netmask);

    [[nodiscard]] IpFamily family() const noexcept { return first_.family(); }
    [[nodiscard]] unsigned prefix() const noexcept { return prefix_; }
    [[nodiscard]] IpAddress first() const { return first_; }
    [[nodiscard]] IpAddress last() const { return first_.highest(prefix_); }
    [[nodiscard]] IpAddress netmask() const { return first_.highest(0).lowest(prefix_); }
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool overlaps(const Cidr& other) const { return range().overlaps(other.range()); }
    /// Whether a machine may have this address: it is in the block, and neither its first nor its last one.
    [[nodiscard]] bool has_host(const IpAddress& address) const;
    bool operator==(const Cidr&) const = default;

private:
    [[nodiscard]] IpRange range() const { return {first(), last()}; }

    IpAddress first_;
    unsigned prefix_ = 0;
};

} // namespace cpi
