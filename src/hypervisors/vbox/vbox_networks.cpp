#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/undo.h"
#include "network/address.h"
#include "vbox/vbox_machines.h"

#include <algorithm>
#include <array>

namespace cpi {

namespace {

/// How the networks of one kind are listed.
struct Listing {
    NicSource::Kind kind;
    const char* list;
    std::string_view key;
    std::string_view advice;
};
constexpr std::array listings{
    Listing{NicSource::Kind::nat_network, "natnetworks", "Name",
            "VBoxManage natnetwork add, or set auto_enable_networks"},
    Listing{NicSource::Kind::host_only, "hostonlyifs", "Name",
            "VBoxManage hostonlyif create, or set auto_enable_networks"},
    Listing{NicSource::Kind::bridge, "bridgedifs", "Name", "one of those of VBoxManage list bridgedifs"},
};

/// The first IPv4 one.
std::optional<Subnet> ipv4_of(const std::vector<Subnet>& subnets)
{
    for (const Subnet& subnet : subnets)
        if (const auto gateway = IpAddress::parse(subnet.gateway);
            gateway && gateway->family() == IpFamily::ipv4)
            return subnet;
    return std::nullopt;
}

bool is_there(VBoxManage& vbox, const Listing& listing, const std::string& name)
{
    const auto names = vbox::values_of(vbox.run({"list", listing.list}), listing.key);
    return std::ranges::find(names, name) != names.end();
}

} // namespace

/// Without DHCP: its server would hand out addresses that the Director gives to others.
void VboxMachines::make_nat_network(const std::string& name, const std::vector<Subnet>& subnets)
{
    const auto subnet = ipv4_of(subnets);
    if (!subnet)
        throw Error{ErrorKind::network_not_found,
                    concat("NAT network '", name,
                           "' does not exist, and it cannot be made without an IPv4 gateway and netmask (a "
                           "manual network has them)")};
    const IpAddress gateway = IpAddress::parse(subnet->gateway).value();
    const auto netmask = IpAddress::parse(subnet->netmask);
    const auto range = netmask ? Cidr::of(gateway, *netmask) : std::nullopt;
    if (!range || gateway != range->first().plus(1))
        throw Error{ErrorKind::cloud, concat("cannot make the NAT network '", name, "' with gateway '",
                                             subnet->gateway, "' and netmask '", subnet->netmask,
                                             "': VirtualBox's gateway is the first address of a subnet")};
    log_.info(concat("making the NAT network '", name, "'"));
    vbox_.run(
        {"natnetwork", "add", "--netname", name, "--network", range->text(), "--enable", "--dhcp", "off"});
}

/// VirtualBox chooses the names of host-only interfaces: the lowest number that is free.
void VboxMachines::make_host_only(const std::string& name, const std::vector<Subnet>& subnets)
{
    log_.info(concat("making the host-only interface '", name, "'"));
    const std::string said = vbox_.run({"hostonlyif", "create"});
    const auto parts = split(said, '\'');
    const std::string made = parts.size() == 3 ? parts[1] : std::string{};
    Undo undo{log_};
    undo.add(concat("remove the host-only interface '", made, "'"), [&] {
        vbox_.run({"hostonlyif", "remove", made});
    });
    if (made != name)
        throw Error{ErrorKind::network_not_found,
                    concat("host-only interface '", name,
                           "' does not exist, and VirtualBox, which chooses the names, would make '", made,
                           "'. Try: that name in the network's cloud_properties")};
    if (const auto subnet = ipv4_of(subnets))
        vbox_.run({"hostonlyif", "ipconfig", name, "--ip", subnet->gateway, "--netmask", subnet->netmask});
    undo.keep();
}

void VboxMachines::make_usable(const Nic& nic, AutoEnable enable, const std::vector<Subnet>& subnets)
{
    const NicSource& source = nic.source;
    const auto listing = std::ranges::find(listings, source.kind, &Listing::kind);
    if (listing == listings.end() || is_there(vbox_, *listing, source.name))
        return;
    const bool can_be_made = source.kind != NicSource::Kind::bridge;
    if (enable == AutoEnable::no || !can_be_made)
        throw Error{ErrorKind::network_not_found,
                    concat(describe(source), " does not exist in VirtualBox. Try: ", listing->advice)};
    try {
        if (source.kind == NicSource::Kind::nat_network)
            make_nat_network(source.name, subnets);
        else
            make_host_only(source.name, subnets);
    } catch (const Error&) {
        if (!is_there(vbox_, *listing, source.name)) // another call was first
            throw;
    }
}

} // namespace cpi
