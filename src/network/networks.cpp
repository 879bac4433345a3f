#include "network/networks.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/undo.h"
#include "network/network_spec.h"
#include "virt/libvirt.h"

#include <optional>
#include <set>

namespace cpi {

namespace {

constexpr std::string_view shipped_network = "default";

std::optional<HostAddress> host_address(const Subnet& subnet)
{
    const auto gateway = IpAddress::parse(subnet.gateway);
    const auto netmask = IpAddress::parse(subnet.netmask);
    const auto range = gateway && netmask ? Cidr::of(*gateway, *netmask) : std::nullopt;
    if (!range || range->prefix() == 0)
        return std::nullopt;
    return HostAddress{.address = *gateway, .prefix = range->prefix()};
}

void create_missing(Libvirt& libvirt, const std::string& name, const std::vector<Subnet>& subnets)
{
    if (!subnets.empty())
        libvirt.define_network(name, nat_network_xml(name, subnets));
    else if (name == shipped_network)
        libvirt.define_network(name, default_network_xml());
    else
        throw Error{
            ErrorKind::network_not_found,
            concat("network '", name,
                   "' does not exist, and it cannot be made without a gateway and a netmask (a manual "
                   "network has them)")};
}

} // namespace

void make_usable(Libvirt& libvirt, Log& log, const NicSource& source, AutoEnable enable,
                 const std::vector<Subnet>& subnets)
{
    // libvirt has no say over bridges and interfaces: a missing one is reported when the VM starts.
    if (source.kind != NicSource::Kind::network)
        return;
    const std::string& name = source.name;
    const std::optional<bool> active = libvirt.network_active(name);
    if (active.value_or(false))
        return;
    if (enable == AutoEnable::no) {
        if (!active)
            throw Error{ErrorKind::network_not_found,
                        concat("network '", name, "' does not exist in libvirt. Try: ",
                               libvirt.virsh("net-list --all"), ", or set auto_enable_networks")};
        throw Error{ErrorKind::cloud, concat("network '", name, "' is not active. Try: ",
                                             libvirt.virsh(concat("net-start ", shell_quote(name))),
                                             ", or set auto_enable_networks")};
    }
    Undo undo{log};
    if (!active) {
        log.info(concat("making the network '", name, "'"));
        create_missing(libvirt, name, subnets);
        undo.add(concat("undefine the network '", name, "'"), [&] { libvirt.undefine_network(name); });
    }
    log.info(concat("starting the network '", name, "'"));
    libvirt.start_network(name);
    undo.keep();
    libvirt.autostart_network(name);
}

void start_with_host(Libvirt& libvirt, Log& log, const NicSource& source, AutoEnable enable)
{
    if (source.kind != NicSource::Kind::network || libvirt.network_autostarts(source.name))
        return;
    try {
        if (enable == AutoEnable::yes) {
            libvirt.autostart_network(source.name);
            return;
        }
    } catch (const Error& error) { // one that is gone when it stops has no definition to start from
        log.warning(error.what());
    }
    log.warning(concat(
        "network '", source.name, "' does not start with the host, and VMs on it will not either. Try: ",
        libvirt.virsh(concat("net-autostart ", shell_quote(source.name))), ", or set auto_enable_networks"));
}

std::string nat_network_xml(const std::string& name, const std::vector<Subnet>& subnets)
{
    NetworkSpec spec{.name = name};
    std::set<IpFamily> families;
    for (const Subnet& subnet : subnets) {
        const auto host = host_address(subnet);
        if (!host)
            throw Error{ErrorKind::cloud,
                        concat("cannot make the network '", name, "' with gateway '", subnet.gateway,
                               "' and netmask '", subnet.netmask, "': not a subnet")};
        if (families.insert(host->address.family()).second)
            spec.addresses.push_back(*host);
    }
    return describe(spec);
}

std::string default_network_xml()
{
    constexpr std::uint32_t first = 0xC0A87A00; // 192.168.122.0
    const IpRange dhcp{IpAddress::ipv4(first + 2), IpAddress::ipv4(first + 254)};
    return describe({.name = std::string{shipped_network},
                     .addresses = {{.address = IpAddress::ipv4(first + 1), .prefix = 24, .dhcp = dhcp}}});
}

} // namespace cpi
