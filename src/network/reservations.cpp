#include "network/reservations.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "network/address.h"
#include "virt/libvirt.h"
#include "xml/xml.h"

#include <algorithm>

namespace cpi {

namespace {

std::string host_xml(const DhcpHost& host)
{
    const xml::Document document{"host"};
    document.root().set("mac", host.mac).set("name", host.name).set("ip", host.ip);
    return document.to_text();
}

/// What the network runs with, and the reservations that it will have when it starts again.
DhcpDefinition current_dhcp(Libvirt& libvirt, const std::string& network)
{
    const auto live = libvirt.network_xml(network, Definition::live);
    const auto inactive = libvirt.network_xml(network, Definition::inactive);
    if (!live || !inactive)
        throw Error{ErrorKind::network_not_found, concat("network '", network, "' not found")};
    DhcpDefinition dhcp = read_dhcp(*live);
    for (const DhcpHost& host : read_dhcp(*inactive).hosts)
        dhcp.hosts.push_back(host);
    return dhcp;
}

/// Takes the entries out of wherever the network has them: what it runs with, and its definition.
void remove_hosts(Libvirt& libvirt, const std::string& network,
                  const std::function<bool(const DhcpHost&)>& doomed)
{
    for (const auto& [definition, reach] :
         {std::pair{Definition::live, Reach::live}, std::pair{Definition::inactive, Reach::config}}) {
        const auto xml = libvirt.network_xml(network, definition);
        if (!xml)
            return;
        for (const DhcpHost& host : read_dhcp(*xml).hosts)
            if (doomed(host))
                libvirt.remove_dhcp_host(network, host_xml(host), reach);
    }
}

/// What is known of a network while an address is looked for.
class Search {
public:
    Search(Libvirt& libvirt, const std::string& network, const VmCid& vm, const std::string& mac,
           const std::function<bool(const VmCid&)>& exists)
        : virsh_{libvirt.virsh(concat("net-edit ", shell_quote(network)))}, dhcp_{current_dhcp(libvirt,
                                                                                               network)},
          leases_{libvirt.dhcp_leases(network)}, network_{network}, vm_{vm}, mac_{mac}, exists_{exists}
    {
    }

    [[nodiscard]] NicAddress pick() const
    {
        if (dhcp_.ranges.empty())
            throw Error{
                ErrorKind::cloud,
                concat("network '", network_,
                       "' has no DHCP range to reserve an address in. Try: leave out dhcp_reservation, "
                       "or a network with DHCP")};
        const auto found = pick_address(dhcp_, stable_hash(vm_.str()),
                                        [&](std::uint32_t address) { return is_taken(address); });
        if (!found)
            throw Error{ErrorKind::cloud,
                        concat("network '", network_,
                               "' has no free address left in its DHCP range. Try: a larger range (", virsh_,
                               "), or delete VMs")};
        return {IpAddress::ipv4(*found).text(), dhcp_.prefix, dhcp_.gateway};
    }

    /// Entries that are in the way of reserving `ip` and of VMs that are gone.
    [[nodiscard]] bool is_in_the_way(const DhcpHost& host, const std::string& ip) const
    {
        return (host.ip == ip || host.mac == mac_) && is_stale(host);
    }

    void require_free_mac() const
    {
        for (const DhcpHost& host : dhcp_.hosts)
            if (host.mac == mac_ && !is_stale(host))
                throw Error{ErrorKind::cloud, concat("network '", network_, "' reserves ", host.ip,
                                                     " for the mac '", mac_, "' already, by the name '",
                                                     host.name, "'. Try: leave out dhcp_reservation")};
    }

private:
    [[nodiscard]] bool is_stale(const DhcpHost& host) const
    {
        return host.name.starts_with(VmCid::prefix) && !exists_(VmCid{host.name});
    }
    [[nodiscard]] bool is_taken(std::uint32_t address) const
    {
        const std::string ip = IpAddress::ipv4(address).text();
        const bool is_leased = std::ranges::any_of(
            leases_, [&](const DhcpLease& lease) { return lease.ip == ip && lower(lease.mac) != mac_; });
        return is_leased || std::ranges::any_of(dhcp_.hosts, [&](const DhcpHost& host) {
                   return host.ip == ip && !is_stale(host);
               });
    }

    std::string virsh_; // by which a person makes its range larger
    DhcpDefinition dhcp_;
    std::vector<DhcpLease> leases_;
    const std::string& network_;
    const VmCid& vm_;
    const std::string& mac_;
    const std::function<bool(const VmCid&)>& exists_;
};

/// Of an <ip> element, which says it by a prefix or by a netmask.
unsigned prefix_of(const xml::Element& ip)
{
    const std::string address = ip.attribute("address");
    if (const auto range = Cidr::parse(concat(address, "/", ip.attribute("prefix"))))
        return range->prefix();
    const auto own = IpAddress::parse(address);
    const auto mask = IpAddress::parse(ip.attribute("netmask"));
    const auto range = own && mask ? Cidr::of(*own, *mask) : std::nullopt;
    return range ? range->prefix() : 0;
}

void read_leases(const xml::Element& dhcp, DhcpDefinition& found)
{
    for (const auto& range : dhcp.children("range")) {
        const auto first = parse_ipv4(range.attribute("start"));
        const auto last = parse_ipv4(range.attribute("end"));
        if (first && last && *first <= *last)
            found.ranges.emplace_back(*first, *last);
    }
    for (const auto& host : dhcp.children("host"))
        found.hosts.push_back({lower(host.attribute("mac")), host.attribute("name"), host.attribute("ip")});
}

} // namespace

DhcpDefinition read_dhcp(const std::string& network_xml)
{
    const auto document = xml::Document::parse(network_xml, "the network's definition");
    DhcpDefinition found;
    for (const auto& ip : document.root().children("ip")) {
        if (const auto own = parse_ipv4(ip.attribute("address")))
            found.own.push_back(*own);
        const auto dhcp = ip.child("dhcp");
        if (!dhcp || ip.attribute("family") == "ipv6")
            continue;
        found.prefix = prefix_of(ip);
        if (document.root().child("forward"))
            found.gateway = ip.attribute("address");
        read_leases(*dhcp, found);
    }
    return found;
}

std::optional<std::uint32_t> pick_address(const DhcpDefinition& dhcp, std::uint64_t seed,
                                          const std::function<bool(std::uint32_t)>& taken)
{
    std::uint64_t count = 0;
    for (const auto& [first, last] : dhcp.ranges)
        count += std::uint64_t{last} - first + 1;
    const auto at = [&](std::uint64_t index) {
        for (const auto& [first, last] : dhcp.ranges) {
            const std::uint64_t size = std::uint64_t{last} - first + 1;
            if (index < size)
                return first + static_cast<std::uint32_t>(index);
            index -= size;
        }
        return std::uint32_t{0};
    };
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint32_t address = at((seed % count + i) % count);
        if (std::ranges::find(dhcp.own, address) == dhcp.own.end() && !taken(address))
            return address;
    }
    return std::nullopt;
}

NicAddress reserve_address(Libvirt& libvirt, Log& log, const std::string& network, const VmCid& vm,
                           const std::string& mac, const std::function<bool(const VmCid&)>& exists)
{
    // Other calls, and other people, reserve addresses of this network too: libvirt says who was first.
    constexpr int most_tries = 20;
    for (int i = 0; i < most_tries; ++i) {
        const Search search{libvirt, network, vm, mac, exists};
        search.require_free_mac();
        NicAddress found = search.pick();
        remove_hosts(libvirt, network,
                     [&](const DhcpHost& host) { return search.is_in_the_way(host, found.ip); });
        if (libvirt.add_dhcp_host(network, host_xml({mac, vm.str(), found.ip})))
            return found;
        log.info(concat(found.ip, " on network '", network, "' was reserved by somebody else just now"));
    }
    throw Error{ErrorKind::cloud, concat("reserving an address on network '", network, "': ", most_tries,
                                         " times somebody else was faster. Try again")};
}

void release_addresses(Libvirt& libvirt, const std::string& network, const VmCid& vm)
{
    remove_hosts(libvirt, network, [&](const DhcpHost& host) { return host.name == vm.str(); });
}

} // namespace cpi
