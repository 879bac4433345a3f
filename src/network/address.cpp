#include "network/address.h"

#include <arpa/inet.h>
#include <array>

namespace cpi {

namespace {

std::optional<in6_addr> parse_ipv6(const std::string& text)
{
    in6_addr address{};
    const bool has_nul = text.find('\0') != std::string::npos;
    if (has_nul || ::inet_pton(AF_INET6, text.c_str(), &address) != 1)
        return std::nullopt;
    return address;
}

} // namespace

std::optional<std::uint32_t> parse_ipv4(std::string_view text)
{
    in_addr address{};
    const bool has_nul = text.find('\0') != std::string_view::npos;
    if (has_nul || ::inet_pton(AF_INET, std::string{text}.c_str(), &address) != 1)
        return std::nullopt;
    return ntohl(address.s_addr);
}

bool is_ip_address(const std::string& text)
{
    return parse_ipv4(text) || parse_ipv6(text);
}

bool is_netmask(std::uint32_t bits) noexcept
{
    const std::uint32_t zeros = ~bits;
    return (zeros & (zeros + 1)) == 0;
}

std::string ipv4_text(std::uint32_t address)
{
    const in_addr number{htonl(address)};
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &number, text.data(), text.size());
    return text.data();
}

std::optional<std::string> normal_address(const std::string& text)
{
    if (const auto number = parse_ipv4(text))
        return ipv4_text(*number);
    const auto address = parse_ipv6(text);
    if (!address)
        return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> normal{};
    ::inet_ntop(AF_INET6, &*address, normal.data(), normal.size());
    return normal.data();
}

bool is_ipv6_address(const std::string& text)
{
    return parse_ipv6(text).has_value();
}

bool is_ipv6_netmask(const std::string& text)
{
    const auto mask = parse_ipv6(text);
    if (!mask)
        return false;
    bool ended = false;
    for (const unsigned char byte : mask->s6_addr) {
        const auto zeros = static_cast<unsigned char>(~byte);
        if ((ended && byte != 0) || (zeros & (zeros + 1U)) != 0)
            return false;
        ended = ended || byte != 0xFF;
    }
    return true;
}

} // namespace cpi
