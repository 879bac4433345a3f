#pragma once

#include "network/nic.h"

#include <string>
#include <vector>

namespace cpi {

class Libvirt;
class Log;

/// The address that a network's host side has, and the mask of its subnet.
struct Subnet {
    std::string gateway;
    std::string netmask;
};

/// What may be done about a network that is not there or not active.
enum class AutoEnable : bool { no, yes };

/// Makes sure that a NIC can be plugged into `source`. With AutoEnable::yes a network that is defined is
/// started, now and with the host; one that is not there is made: a NAT network without DHCP on the first of
/// `subnets` of each family, or, for the name `default`, the one that libvirt ships. Otherwise throws
/// network_not_found, or says that the network is not active.
void make_usable(Libvirt& libvirt, Log& log, const NicSource& source, AutoEnable enable,
                 const std::vector<Subnet>& subnets);

/// For a VM that starts with the host: so must the network that its NIC is plugged into, or it does not. With
/// AutoEnable::yes it does from now on, otherwise it is only said.
void start_with_host(Libvirt& libvirt, Log& log, const NicSource& source, AutoEnable enable);

/// The libvirt definition of a NAT network with the host's address of the first of these subnets of each
/// family. Pure.
[[nodiscard]] std::string nat_network_xml(const std::string& name, const std::vector<Subnet>& subnets);

/// The definition of the `default` network that libvirt ships. Pure.
[[nodiscard]] std::string default_network_xml();

} // namespace cpi
