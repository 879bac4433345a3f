#include "network/address.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <charconv>

namespace cpi {

std::optional<std::uint32_t> parse_ipv4(std::string_view text)
{
    in_addr address{};
    const bool has_nul = text.find('\0') != std::string_view::npos;
    if (has_nul || ::inet_pton(AF_INET, std::string{text}.c_str(), &address) != 1)
        return std::nullopt;
    return ntohl(address.s_addr);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text)
{
    std::array<std::uint8_t, 16> bytes{};
    if (const auto number = parse_ipv4(text))
        return ipv4(*number);
    const bool has_nul = text.find('\0') != std::string_view::npos;
    if (has_nul || ::inet_pton(AF_INET6, std::string{text}.c_str(), bytes.data()) != 1)
        return std::nullopt;
    return IpAddress{IpFamily::ipv6, bytes};
}

IpAddress IpAddress::ipv4(std::uint32_t number)
{
    return IpAddress{IpFamily::ipv4, {}}.plus(number);
}

std::string IpAddress::text() const
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    const std::size_t start = bytes_.size() - width() / 8;
    ::inet_ntop(family_ == IpFamily::ipv4 ? AF_INET : AF_INET6, bytes_.data() + start, text.data(),
                static_cast<socklen_t>(text.size()));
    return text.data();
}

IpAddress IpAddress::plus(std::int64_t steps) const
{
    IpAddress sum = *this;
    const std::size_t start = bytes_.size() - width() / 8;
    std::int64_t carry = steps;
    for (std::size_t i = bytes_.size(); i-- > start;) {
        const std::int64_t value = sum.bytes_.at(i) + (carry & 0xFF);
        sum.bytes_.at(i) = static_cast<std::uint8_t>(value & 0xFF);
        carry = (carry >> 8) + (value >> 8); // of a negative number, too, the shift rounds down
    }
    return sum;
}

IpAddress IpAddress::with_tail(unsigned prefix, std::uint8_t tail) const
{
    IpAddress result = *this;
    const unsigned skipped = 128 - width();
    for (unsigned bit = skipped + prefix; bit < 128; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
        auto& byte = result.bytes_.at(bit / 8);
        byte = static_cast<std::uint8_t>((byte & ~mask) | (tail & mask));
    }
    return result;
}

IpAddress IpAddress::lowest(unsigned prefix) const
{
    return with_tail(prefix, 0);
}

IpAddress IpAddress::highest(unsigned prefix) const
{
    return with_tail(prefix, 0xFF);
}

bool IpRange::overlaps(const IpRange& other) const
{
    return first.family() == other.first.family() && first <= other.last && other.first <= last;
}

std::optional<Cidr> Cidr::parse(std::string_view text)
{
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address || slash == std::string_view::npos)
        return std::nullopt;
    const std::string_view bits = text.substr(slash + 1);
    unsigned prefix = 0;
    const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), prefix);
    if (error != std::errc{} || end != bits.data() + bits.size() || prefix > address->width())
        return std::nullopt;
    return Cidr{*address, prefix};
}

std::optional<Cidr> Cidr::of(const IpAddress& address, const IpAddress& netmask)
{
    for (unsigned prefix = 0; prefix <= address.width(); ++prefix)
        if (const Cidr cidr{address, prefix}; cidr.netmask() == netmask)
            return cidr;
    return std::nullopt;
}

std::string Cidr::text() const
{
    return concat(first_.text(), '/', prefix_);
}

bool Cidr::has_host(const IpAddress& address) const
{
    return range().contains(address) && address != first() && address != last();
}

} // namespace cpi
