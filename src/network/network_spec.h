#pragma once

#include "network/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

/// How a libvirt network reaches what is outside of it. `bridge`: it is a name for a bridge of the host, and
/// libvirt has no say over addresses.
enum class Forward { nat, route, open, none, bridge };

[[nodiscard]] constexpr std::string_view word_of(Forward forward) noexcept
{
    switch (forward) {
    case Forward::nat: return "nat";
    case Forward::route: return "route";
    case Forward::open: return "open";
    case Forward::bridge: return "bridge";
    case Forward::none: break;
    }
    return "none";
}

/// The host's own address on a network.
struct HostAddress {
    IpAddress address;
    unsigned prefix = 0;
    std::optional<IpRange> dhcp = std::nullopt;
};

/// A libvirt network as it is to be. What is empty is left to libvirt.
struct NetworkSpec {
    std::string name;
    std::string uuid = {};
    Forward forward = Forward::nat;
    std::string forward_dev = {};
    std::string bridge = {};
    std::string domain = {};
    std::optional<std::int64_t> mtu = std::nullopt;
    std::vector<HostAddress> addresses = {};
};

/// libvirt's definition of it. Pure.
[[nodiscard]] std::string describe(const NetworkSpec& spec);

} // namespace cpi
