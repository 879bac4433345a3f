#include "network/nic.h"

#include "base/text.h"

#include <algorithm>

namespace cpi {

std::string describe(const NicSource& source)
{
    using Kind = NicSource::Kind;
    const auto named = [&](std::string_view what) { return concat(what, " '", source.name, "'"); };
    switch (source.kind) {
    case Kind::network: return named("network");
    case Kind::bridge:
    case Kind::openvswitch: return named("bridge");
    case Kind::nat: return "NAT";
    case Kind::nat_network: return named("NAT network");
    case Kind::host_only: return named("host-only interface");
    case Kind::internal: return named("internal network");
    case Kind::direct: break;
    }
    return named("interface");
}

std::string stable_mac(std::string_view vm, std::string_view network)
{
    constexpr std::string_view digits = "0123456789abcdef";
    const std::uint64_t hash = stable_hash(concat(vm, "/", network));
    std::string mac = "52:54:00";
    for (unsigned shift = 0; shift < 24; shift += 8) {
        const std::uint64_t byte = (hash >> shift) & 0xFFU;
        mac += {':', digits[byte >> 4U], digits[byte & 0xFU]};
    }
    return mac;
}

std::optional<std::string> parse_mac(std::string_view text)
{
    constexpr std::string_view pattern = "hh:hh:hh:hh:hh:hh";
    std::string mac = lower(text);
    const bool fits = std::ranges::equal(mac, pattern, [](char c, char wanted) {
        return wanted == ':' ? c == ':' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    constexpr std::string_view even_digits = "02468ace"; // the lowest bit says that it is of a group
    if (!fits || mac == "00:00:00:00:00:00" || even_digits.find(mac[1]) == std::string_view::npos)
        return std::nullopt;
    return mac;
}

} // namespace cpi
