#include "network/networks.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/undo.h"
#include "network/address.h"
#include "virt/libvirt.h"
#include "xml/xml.h"

namespace cpi {

namespace {

constexpr std::string_view shipped_network = "default";

/// The root, the NAT forward and the host's address; the caller adds what it wants inside the address.
xml::Element describe_nat(const xml::Element& root, std::string_view name, const Subnet& subnet)
{
    root.add("name", name);
    root.add("forward").set("mode", "nat");
    root.add("bridge").set("stp", "on").set("delay", "0");
    return root.add("ip").set("address", subnet.gateway).set("netmask", subnet.netmask);
}

void create_missing(Libvirt& libvirt, const std::string& name, const std::optional<Subnet>& subnet)
{
    if (subnet)
        libvirt.define_network(name, nat_network_xml(name, *subnet));
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
                 const std::optional<Subnet>& subnet)
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
                        concat("network '", name, "' does not exist in libvirt. Try: virsh -c ",
                               shell_quote(libvirt.uri()), " net-list --all, or set auto_enable_networks")};
        throw Error{ErrorKind::cloud,
                    concat("network '", name, "' is not active. Try: virsh -c ", shell_quote(libvirt.uri()),
                           " net-start ", shell_quote(name), ", or set auto_enable_networks")};
    }
    Undo undo{log};
    if (!active) {
        log.info(concat("making the network '", name, "'"));
        create_missing(libvirt, name, subnet);
        undo.add(concat("undefine the network '", name, "'"), [&] { libvirt.undefine_network(name); });
    }
    log.info(concat("starting the network '", name, "'"));
    libvirt.start_network(name);
    undo.keep();
    libvirt.autostart_network(name);
}

std::string nat_network_xml(const std::string& name, const Subnet& subnet)
{
    const auto netmask = parse_ipv4(subnet.netmask);
    if (!parse_ipv4(subnet.gateway) || !netmask || *netmask == 0 || !is_netmask(*netmask))
        throw Error{ErrorKind::cloud,
                    concat("cannot make the network '", name, "' with gateway '", subnet.gateway,
                           "' and netmask '", subnet.netmask, "': not an IPv4 subnet")};
    const xml::Document document{"network"};
    describe_nat(document.root(), name, subnet);
    return document.to_text();
}

std::string default_network_xml()
{
    const xml::Document document{"network"};
    describe_nat(document.root(), shipped_network, {"192.168.122.1", "255.255.255.0"})
        .add("dhcp")
        .add("range")
        .set("start", "192.168.122.2")
        .set("end", "192.168.122.254");
    return document.to_text();
}

} // namespace cpi
