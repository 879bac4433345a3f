#include "cpi/network/managed_plan.h"

#include "base/error.h"

#include <algorithm>

namespace cpi {

namespace {

constexpr std::string_view properties_place = "cloud_properties.";

[[noreturn]] void refuse_member(std::string_view key, std::string_view why)
{
    throw wrong_argument(concat("arguments[0].", key, ": ", why));
}

[[noreturn]] void refuse_cloud_property(std::string_view key, std::string_view why)
{
    refuse_member(concat(properties_place, key), why);
}

/// The text goes into configuration files of libvirt and dnsmasq.
void require_plain(std::string_view key, const std::string& text, std::size_t longest)
{
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    };
    if (text.size() > longest || !std::ranges::all_of(text, plain))
        refuse_cloud_property(key, concat("expected at most ", longest,
                                          " letters, digits, '-', '_' and '.', got '", excerpt(text), "'"));
}

void check_making(const NetworkMaking& making)
{
    constexpr std::size_t longest_device = 15; // the kernel's limit
    constexpr std::size_t longest_domain = 253;
    require_plain("bridge", making.bridge, longest_device);
    require_plain("forward_dev", making.forward_dev, longest_device);
    require_plain("domain", making.domain, longest_domain);
    if (!making.forward_dev.empty() && making.forward_mode != Forward::nat &&
        making.forward_mode != Forward::route)
        refuse_cloud_property("forward_dev", "only forward_mode nat and route go through a device");
    if (making.forward_mode != Forward::bridge)
        return;
    if (making.bridge.empty())
        refuse_cloud_property("bridge",
                              "forward_mode bridge needs the name of a bridge of the hypervisor's host");
    if (making.dhcp.wanted)
        refuse_cloud_property("dhcp",
                              "libvirt gives no addresses on a bridge of the host (forward_mode bridge)");
    if (!making.domain.empty())
        refuse_cloud_property("domain", "libvirt has no DNS on a bridge of the host (forward_mode bridge)");
}

void check(const NetworkDefinition& definition)
{
    if (definition.type != NetworkType::manual)
        throw Error{ErrorKind::not_supported, "only networks of type manual can be managed"};
    check_making(definition.cloud_properties.making);
    if (!definition.range.empty())
        return;
    if (!definition.netmask_bits)
        refuse_member("range", "expected a range, or netmask_bits instead, got neither");
    if (!definition.gateway.empty())
        refuse_member("gateway", "a gateway needs the range that it lies in");
    if (definition.cloud_properties.making.forward_mode == Forward::bridge)
        refuse_member("netmask_bits",
                      "on a bridge of the host (forward_mode bridge) the range is not the CPI's to "
                      "choose. Try: a range and a gateway");
}

NetworkCid choose_cid(const std::string& name)
{
    constexpr std::size_t random_length = 12;
    if (name.empty())
        return NetworkCid{concat(NetworkCid::prefix, "bosh-", random_name(random_length))};
    try {
        return NetworkCid{concat(NetworkCid::prefix, NetworkCid{name}.str())};
    } catch (const Error& error) {
        refuse_cloud_property("name", error.what());
    }
}

Cidr choose_range(const NetworkDefinition& definition, const std::string& seed,
                  const std::vector<ExistingNetwork>& existing, std::vector<Cidr> taken)
{
    if (definition.range.empty()) {
        for (const ExistingNetwork& network : existing)
            taken.insert(taken.end(), network.subnets.begin(), network.subnets.end());
        return free_subnet(static_cast<unsigned>(definition.netmask_bits.value().value), seed, taken);
    }
    // A network needs a host's address and a VM's, and two that are neither.
    constexpr unsigned least_host_bits = 2;
    constexpr unsigned least_prefix = 8;
    const auto range = Cidr::parse(definition.range);
    if (!range || range->prefix() < least_prefix ||
        range->prefix() + least_host_bits > range->first().width())
        refuse_member("range",
                      concat("expected a subnet such as 10.0.0.0/24 or fd00::/64, of 8 to 30 bits (IPv6: to "
                             "126), got '",
                             excerpt(definition.range), "'"));
    return *range;
}

IpAddress choose_gateway(const NetworkDefinition& definition, const Cidr& range)
{
    if (definition.gateway.empty()) {
        if (definition.cloud_properties.making.forward_mode == Forward::bridge)
            refuse_member("gateway", "forward_mode bridge needs the gateway that the bridge's network has");
        return range.first().plus(1);
    }
    const auto gateway = IpAddress::parse(definition.gateway);
    if (!gateway || !range.has_host(*gateway))
        refuse_member("gateway",
                      concat("expected an address in ", range.text(),
                             ", neither its first nor its last, got '", excerpt(definition.gateway), "'"));
    return *gateway;
}

/// The upper eighth of the range, but not all of a large one, or what is below it when the gateway is there.
IpRange upper_addresses(const Cidr& range, const IpAddress& gateway)
{
    constexpr unsigned least_host_bits = 3;
    constexpr unsigned most_bits = 12;
    const unsigned host_bits = range.first().width() - range.prefix();
    if (host_bits < least_host_bits)
        refuse_cloud_property("dhcp",
                              concat("the range ", range.text(), " is too small to choose addresses from"));
    const std::int64_t count =
        std::max<std::int64_t>(2, std::int64_t{1} << std::min(host_bits - least_host_bits, most_bits));
    const IpAddress last = range.last().plus(-1);
    const IpRange upper{last.plus(1 - count), last};
    if (upper.contains(gateway))
        return {upper.first.plus(-count), upper.last.plus(-count)};
    return upper;
}

std::optional<IpRange> choose_dhcp(const DhcpWish& wish, const Cidr& range, const IpAddress& gateway)
{
    if (!wish.wanted)
        return std::nullopt;
    if (!wish.range)
        return upper_addresses(range, gateway);
    const auto start = IpAddress::parse(wish.range->start);
    const auto end = IpAddress::parse(wish.range->end);
    if (!start || !end || !range.has_host(*start) || !range.has_host(*end) || *end < *start)
        refuse_cloud_property("dhcp",
                              concat("expected a start and an end in ", range.text(), ", got '",
                                     excerpt(wish.range->start), "' and '", excerpt(wish.range->end), "'"));
    const IpRange chosen{*start, *end};
    if (chosen.contains(gateway))
        refuse_cloud_property("dhcp", concat("the gateway ", gateway.text(), " is among these addresses"));
    return chosen;
}

NetworkSpec spec_of(const NetworkMaking& making, const ManagedNetwork& network)
{
    NetworkSpec spec{.name = libvirt_name(network.cid),
                     .uuid = random_uuid(),
                     .forward = making.forward_mode,
                     .forward_dev = making.forward_dev,
                     .bridge = making.bridge,
                     .domain = making.domain};
    if (making.forward_mode == Forward::bridge)
        return spec;
    if (making.mtu)
        spec.mtu = making.mtu->value;
    spec.addresses.push_back(
        {.address = network.gateway, .prefix = network.range.prefix(), .dhcp = network.reserved});
    return spec;
}

/// Several names for one bridge of the host are fine, a bridge that libvirt makes for one network is not.
bool share_wrongly(const NetworkSpec& spec, const ExistingNetwork& other)
{
    return !spec.bridge.empty() && spec.bridge == other.bridge &&
           !(spec.forward == Forward::bridge && other.bridge_is_hosts);
}

void refuse_collision(const ManagedNetwork& network, const ExistingNetwork& other)
{
    const std::string named = concat("libvirt's network '", other.name, "'");
    if (network.spec.name == other.name)
        refuse_cloud_property("name", concat(named, " exists already. Try: another name, or none"));
    if (share_wrongly(network.spec, other))
        refuse_cloud_property("bridge", concat("'", other.bridge, "' is the bridge of ", named));
    const auto overlaps = [&](const Cidr& subnet) { return subnet.overlaps(network.range); };
    const auto found = std::ranges::find_if(other.subnets, overlaps);
    if (!network.spec.addresses.empty() && found != other.subnets.end())
        refuse_member("range", concat(network.range.text(), " overlaps with ", found->text(), " of ", named));
}

json::Verbatim nic_properties(const std::string& network, const ManagedProperties& properties)
{
    json::Writer out;
    out.begin_object();
    out.key("network").string(network);
    for (const auto& [key, value] : properties.for_nics)
        out.key(key).verbatim(value);
    return {out.end_object().text()};
}

} // namespace

ManagedNetwork plan_network(const NetworkDefinition& definition, const std::vector<ExistingNetwork>& existing,
                            const std::vector<Cidr>& routed)
{
    check(definition);
    const ManagedProperties& properties = definition.cloud_properties;
    const NetworkCid cid = choose_cid(properties.making.name);
    const std::string name = libvirt_name(cid);
    const Cidr range = choose_range(definition, name, existing, routed);
    const IpAddress gateway = choose_gateway(definition, range);
    ManagedNetwork network{.cid = cid,
                           .spec = {},
                           .range = range,
                           .gateway = gateway,
                           .reserved = choose_dhcp(properties.making.dhcp, range, gateway),
                           .cloud_properties = nic_properties(name, properties)};
    network.spec = spec_of(properties.making, network);
    for (const ExistingNetwork& other : existing)
        refuse_collision(network, other);
    return network;
}

std::string libvirt_name(const NetworkCid& cid)
{
    return cid.str().substr(NetworkCid::prefix.size());
}

namespace json {

DhcpWish Codec<DhcpWish>::read(const Place& place)
{
    if (place.is_object())
        return {true, Codec<DhcpFields>::read(place)};
    if (place.is_array() || place.is_string() || place.is_integer())
        place.fail(expected());
    return {place.boolean(), std::nullopt};
}

ManagedProperties Codec<ManagedProperties>::read(const Place& place)
{
    if (!place.is_object())
        place.fail_discreetly(expected());
    const auto is_among = [](const std::vector<std::string>& known) {
        return [known](const std::string& key) { return std::ranges::find(known, key) != known.end(); };
    };
    const auto is_for_making = is_among(keys<NetworkMaking>());
    const auto is_for_nics = is_among(keys<NetworkProperties>());
    // A key of the one kind is no misspelling of the other's. `network` names the network that is made.
    const Document making =
        members_if(place, [&](const auto& key) { return is_for_making(key) || !is_for_nics(key); });
    const Document nics = members_if(
        place, [&](const auto& key) { return key == "mtu" || (!is_for_making(key) && key != "network"); });
    ManagedProperties properties{Codec<NetworkMaking>::read(root(making, place.path())), {}};
    // What create_vm would refuse of the NICs is refused now.
    NetworkProperties nic = Codec<NetworkProperties>::read(root(nics, place.path()));
    nic.network = "the made network";
    static_cast<void>(while_doing(place.path(), [&] { return source_of(nic); }));
    for (const auto& [key, at] : root(nics).members())
        properties.for_nics.emplace(key, at.verbatim());
    return properties;
}

} // namespace json

} // namespace cpi
