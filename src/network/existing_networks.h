#pragma once

#include "network/address.h"

#include <string>
#include <string_view>
#include <vector>

namespace cpi {

class Libvirt;

/// What a new network could be in the way of: a network that libvirt has, active or not.
struct ExistingNetwork {
    std::string name;
    std::string uuid;
    std::string bridge;
    bool bridge_is_hosts = false; // and not made by libvirt
    std::vector<Cidr> subnets;
};

/// Of libvirt's definition. Pure.
[[nodiscard]] ExistingNetwork read_network(std::string_view definition);

[[nodiscard]] std::vector<ExistingNetwork> existing_networks(Libvirt& libvirt);

/// The VMs, whoever made them, that have a NIC on this network now or when they start next.
[[nodiscard]] std::vector<std::string> network_users(Libvirt& libvirt, std::string_view network);

/// What the host's /proc/net/route says is reached through it, but for the default route. Pure.
[[nodiscard]] std::vector<Cidr> routed_subnets(std::string_view table);

/// An IPv4 subnet for private use that overlaps with none of `taken`, the same for the same seed as long as
/// it is free. Throws when there is none. Pure.
[[nodiscard]] Cidr free_subnet(unsigned prefix, std::string_view seed, const std::vector<Cidr>& taken);

} // namespace cpi
