#pragma once

#include "base/ids.h"
#include "network/nic.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cpi {

class Libvirt;
class Log;

/// An address that a libvirt network's DHCP gives to one MAC address only.
struct DhcpHost {
    std::string mac;
    std::string name;
    std::string ip;
    bool operator==(const DhcpHost&) const = default;
};

/// What a network's definition says of its DHCP for IPv4.
struct DhcpDefinition {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges; // first and last
    std::vector<std::uint32_t> own;                              // the network's own addresses
    std::vector<DhcpHost> hosts;
    unsigned prefix = 0;
    std::string gateway = {}; // that it tells guests of; none: they are not to leave the network
};

/// Pure.
[[nodiscard]] DhcpDefinition read_dhcp(const std::string& network_xml);

/// An address of the ranges that is not `taken`: the one that `seed` points at, or the next one that is free.
/// Pure.
[[nodiscard]] std::optional<std::uint32_t> pick_address(const DhcpDefinition& dhcp, std::uint64_t seed,
                                                        const std::function<bool(std::uint32_t)>& taken);

/// Reserves an address of the network's DHCP range for the VM's NIC, and returns it as DHCP would tell it. A
/// reservation of a VM that is not there any more (`exists`) counts as free.
NicAddress reserve_address(Libvirt& libvirt, Log& log, const std::string& network, const VmCid& vm,
                           const std::string& mac, const std::function<bool(const VmCid&)>& exists);

/// Takes back what is reserved for the VM, if anything is. A network that is no longer there is fine.
void release_addresses(Libvirt& libvirt, const std::string& network, const VmCid& vm);

} // namespace cpi
