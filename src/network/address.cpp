#include "network/address.h"

#include <arpa/inet.h>
#include <array>

namespace cpi {

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
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

bool is_netmask(std::uint32_t bits) noexcept
{
    const std::uint32_t zeros = ~bits;
    return (zeros & (zeros + 1)) == 0;
}

} // namespace cpi
