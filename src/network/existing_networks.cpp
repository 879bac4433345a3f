#include "network/existing_networks.h"

#include "base/error.h"
#include "base/text.h"
#include "virt/libvirt.h"
#include "xml/xml.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>

namespace cpi {

namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base)
{
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

std::optional<Cidr> read_subnet(const xml::Element& ip)
{
    const auto address = IpAddress::parse(ip.attribute("address"));
    if (!address)
        return std::nullopt;
    if (const auto netmask = IpAddress::parse(ip.attribute("netmask")))
        return Cidr::of(*address, *netmask);
    return Cidr{*address, parse_number<unsigned>(ip.attribute("prefix"), 10).value_or(address->width())};
}

bool has_nic_on(const xml::Document& domain, std::string_view network)
{
    const auto devices = domain.root().child("devices");
    return devices && std::ranges::any_of(devices->children("interface"), [&](const xml::Element& nic) {
               const auto source = nic.child("source");
               return source && source->attribute("network") == network;
           });
}

bool uses(Libvirt& libvirt, const std::string& domain, std::string_view network)
{
    try {
        return std::ranges::any_of(std::array{Definition::live, Definition::inactive}, [&](Definition of) {
            return has_nic_on(xml::Document::parse(libvirt.domain_xml(domain, of), domain), network);
        });
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::vm_not_found) // it went since the list was made
            return false;
        throw;
    }
}

/// The kernel prints the four bytes of an address as one number of the machine's own byte order.
std::optional<IpAddress> read_kernel_address(std::string_view hex)
{
    const auto number = parse_number<std::uint32_t>(hex, 16);
    if (!number)
        return std::nullopt;
    return IpAddress::ipv4(ntohl(*number));
}

} // namespace

ExistingNetwork read_network(std::string_view definition)
{
    const auto document = xml::Document::parse(definition, "the definition of a network");
    const auto root = document.root();
    const auto text_of = [&](std::string_view name) {
        const auto child = root.child(name);
        return child ? child->text() : std::string{};
    };
    const auto attribute_of = [&](std::string_view name, std::string_view attribute) {
        const auto child = root.child(name);
        return child ? child->attribute(attribute) : std::string{};
    };
    ExistingNetwork network{.name = text_of("name"),
                            .uuid = text_of("uuid"),
                            .bridge = attribute_of("bridge", "name"),
                            .bridge_is_hosts = attribute_of("forward", "mode") == "bridge",
                            .subnets = {}};
    for (const auto& ip : root.children("ip"))
        if (const auto subnet = read_subnet(ip))
            network.subnets.push_back(*subnet);
    return network;
}

std::vector<ExistingNetwork> existing_networks(Libvirt& libvirt)
{
    std::vector<ExistingNetwork> networks;
    for (const std::string& definition : libvirt.network_definitions())
        networks.push_back(read_network(definition));
    return networks;
}

std::vector<std::string> network_users(Libvirt& libvirt, std::string_view network)
{
    std::vector<std::string> users = libvirt.domain_names();
    std::erase_if(users, [&](const std::string& domain) { return !uses(libvirt, domain, network); });
    return users;
}

std::vector<Cidr> routed_subnets(std::string_view table)
{
    constexpr std::size_t destination = 1;
    constexpr std::size_t netmask = 7;
    std::vector<Cidr> subnets;
    for (const std::string& line : split(table, '\n')) {
        const auto columns = split(line, '\t');
        if (columns.size() <= netmask)
            continue;
        const auto address = read_kernel_address(trim(columns[destination]));
        const auto mask = read_kernel_address(trim(columns[netmask]));
        const auto subnet = address && mask ? Cidr::of(*address, *mask) : std::nullopt;
        if (subnet && subnet->prefix() > 0)
            subnets.push_back(*subnet);
    }
    return subnets;
}

Cidr free_subnet(unsigned prefix, std::string_view seed, const std::vector<Cidr>& taken)
{
    // RFC 1918's, the largest first.
    const std::array pools{Cidr{IpAddress::ipv4(0x0A000000), 8}, Cidr{IpAddress::ipv4(0xAC100000), 12},
                           Cidr{IpAddress::ipv4(0xC0A80000), 16}};
    for (const Cidr& pool : pools) {
        if (prefix < pool.prefix())
            continue;
        const std::uint64_t count = std::uint64_t{1} << (prefix - pool.prefix());
        const std::uint64_t start = stable_hash(seed) % count;
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto steps = static_cast<std::int64_t>(((start + i) % count) << (32U - prefix));
            const Cidr candidate{pool.first().plus(steps), prefix};
            if (std::ranges::none_of(taken, [&](const Cidr& other) { return other.overlaps(candidate); }))
                return candidate;
        }
    }
    throw Error{ErrorKind::cloud,
                concat("no private IPv4 subnet of ", prefix,
                       " bits is free on the hypervisor's host. Try: give the subnet a range")};
}

} // namespace cpi
