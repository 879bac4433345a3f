#include "cpi/vm/network_plan.h"

#include "base/error.h"
#include "network/address.h"

#include <algorithm>
#include <set>

namespace cpi {

namespace {

constexpr std::string_view usual_network = "default";

[[noreturn]] void refuse_network(const std::string& name, std::string_view what,
                                 ErrorKind kind = ErrorKind::cloud)
{
    throw Error{kind, concat("network '", name, "': ", what)};
}

bool fits_address(const std::string& netmask, const std::string& ip)
{
    const auto mask = IpAddress::parse(netmask);
    return mask && Cidr::of(IpAddress::parse(ip).value(), *mask);
}

void check_address(const std::string& name, const NetworkFields& network, std::string_view what)
{
    const auto address = IpAddress::parse(network.ip);
    if (!address)
        refuse_network(name, concat(what, " needs an IP address, got '", network.ip, "'"));
    // A longer range than one address would have to be routed to the VM.
    if (!network.prefix.empty() && network.prefix != std::to_string(address->width()))
        refuse_network(name,
                       concat("prefix '", network.prefix, "' with the address '", network.ip,
                              "': delegated prefixes are not supported. Try: a subnet without 'prefix'"),
                       ErrorKind::not_supported);
}

void check(const std::string& name, const NetworkFields& network)
{
    if (network.cloud_properties.dhcp_reservation && network.type != NetworkType::dynamic)
        refuse_network(name, "dhcp_reservation is for dynamic networks");
    if (network.type == NetworkType::vip)
        check_address(name, network, "a vip network");
    if (network.type != NetworkType::manual)
        return;
    check_address(name, network, "a manual network");
    if (!fits_address(network.netmask, network.ip))
        refuse_network(name, concat("a manual network needs a netmask that fits its address, got '",
                                    network.netmask, "'"));
}

NicSource resolve(NicSource source, const NetworkAliases& aliases)
{
    const auto alias = aliases.find(source.name);
    if (source.kind != NicSource::Kind::network || alias == aliases.end())
        return source;
    if (!source.portgroup.empty())
        throw Error{ErrorKind::cloud,
                    concat("'portgroup' beside '", source.name,
                           "', which is one of network_aliases: it belongs into the alias")};
    return source_of(alias->second).value_or(source);
}

Rate rate(const RateProperties& properties)
{
    const auto number = [](const KibibytesPerSecond& given) {
        return static_cast<std::uint64_t>(given.value);
    };
    Rate rate{number(properties.average)};
    if (properties.peak)
        rate.peak = number(*properties.peak);
    if (properties.burst)
        rate.burst = number(*properties.burst);
    return rate;
}

Bandwidth bandwidth(const BandwidthProperties& properties)
{
    Bandwidth limits;
    if (properties.inbound)
        limits.inbound = rate(*properties.inbound);
    if (properties.outbound)
        limits.outbound = rate(*properties.outbound);
    return limits;
}

/// What a network says of its NIC.
struct Wish {
    std::optional<NicSource> source;
    std::optional<std::string> mac;
    std::optional<NicModel> model;
    std::optional<unsigned> mtu;
    std::optional<Vlan> vlan;
    std::optional<Bandwidth> limits;
    std::optional<std::string> filter;
};

/// What networks of one nic_group must agree on, unless only one of them says it.
constexpr std::tuple agreements{
    std::pair{"where it is plugged in", &Wish::source},
    std::pair{"mac", &Wish::mac},
    std::pair{"model", &Wish::model},
    std::pair{"mtu", &Wish::mtu},
    std::pair{"vlan", &Wish::vlan},
    std::pair{"bandwidth", &Wish::limits},
    std::pair{"nwfilter", &Wish::filter},
};

Wish wish_of(const NetworkProperties& properties, const NetworkAliases& aliases)
{
    Wish wish;
    if (const auto source = source_of(properties))
        wish.source = resolve(*source, aliases);
    if (properties.mac)
        wish.mac = properties.mac->text;
    wish.model = properties.model;
    if (properties.mtu)
        wish.mtu = static_cast<unsigned>(properties.mtu->value);
    wish.vlan = properties.vlan;
    if (properties.bandwidth)
        wish.limits = bandwidth(*properties.bandwidth);
    if (!properties.nwfilter.empty())
        wish.filter = properties.nwfilter;
    return wish;
}

/// A NIC in the making.
struct Draft {
    std::string group; // empty: of one network alone
    std::vector<const Network*> networks;
    Wish wish;

    [[nodiscard]] const std::string& name() const { return networks.front()->name; }
    [[nodiscard]] bool has(const Network& network) const
    {
        return std::ranges::find(networks, &network) != networks.end();
    }
};

void add(Draft& draft, const Network& network, const Wish& wish)
{
    draft.networks.push_back(&network);
    const auto agree = [&](const auto& agreement) {
        auto& known = draft.wish.*agreement.second;
        const auto& said = wish.*agreement.second;
        if (known && said && *known != *said)
            refuse_network(network.name,
                           concat("it shares a NIC with network '", draft.name(), "', by nic_group '",
                                  draft.group,
                                  "', and their cloud_properties contradict each other: ", agreement.first));
        if (said)
            known = said;
    };
    std::apply([&](const auto&... agreement) { (agree(agreement), ...); }, agreements);
}

std::vector<Draft> draft_nics(const Networks& networks, const NetworkAliases& aliases)
{
    std::vector<Draft> drafts;
    for (const Network& network : networks.all) {
        check(network.name, network.fields);
        if (network.fields.type == NetworkType::vip)
            continue;
        const std::string& group = network.fields.nic_group;
        auto draft = std::ranges::find_if(
            drafts, [&](const Draft& other) { return !group.empty() && other.group == group; });
        if (draft == drafts.end())
            draft = drafts.insert(drafts.end(), Draft{group, {}, {}});
        add(*draft, network, while_doing(concat("network '", network.name, "'"), [&] {
            return wish_of(network.fields.cloud_properties, aliases);
        }));
    }
    return drafts;
}

void check_source(const std::string& name, const PlannedNic& planned)
{
    using Kind = NicSource::Kind;
    const Nic& nic = planned.nic;
    const Kind kind = nic.source.kind;
    if (!nic.filter.empty() && (kind == Kind::direct || kind == Kind::openvswitch))
        refuse_network(name,
                       concat("libvirt has no nwfilter for ",
                              kind == Kind::direct ? "'direct' interfaces" : "Open vSwitch ports",
                              ". Try: a libvirt network or a plain bridge"),
                       ErrorKind::not_supported);
    if (nic.vlan && kind == Kind::direct && nic.source.mode != DirectMode::passthrough)
        refuse_network(
            name,
            "'direct' can have a 'vlan' only with direct_mode passthrough. Try: a VLAN interface of the host "
            "as 'direct', or a bridge of Open vSwitch",
            ErrorKind::not_supported);
    if (planned.wants_reservation && kind != Kind::network)
        refuse_network(
            name,
            concat("reserving an address (dhcp_reservation, or a dynamic network of a container) needs a "
                   "libvirt network, and this is ",
                   describe(nic.source), ". Try: a manual network"));
}

bool has_role(const Network& network, std::string_view role)
{
    return std::ranges::find(network.fields.roles, role) != network.fields.roles.end();
}

/// Of a manual network. Its gateway counts where the default route is to go there.
NicAddress address_of(const Network& network, bool is_only_one)
{
    const NetworkFields& fields = network.fields;
    const IpAddress ip = IpAddress::parse(fields.ip).value();
    const Cidr range = Cidr::of(ip, IpAddress::parse(fields.netmask).value()).value();
    const bool leads_out = is_only_one || has_role(network, "gateway");
    return {ip.text(), range.prefix(), leads_out ? fields.gateway : ""};
}

PlannedNic finish(const VmCid& vm, const Draft& draft, const NetworkAliases& aliases, bool is_only_one,
                  NicsAreSetBy nics_are_set_by)
{
    const Wish& wish = draft.wish;
    // A group's name may be that of a network.
    const std::string seed = draft.group.empty() ? draft.name() : concat("nic_group/", draft.group);
    PlannedNic planned{
        .nic = {.source = wish.source
                              ? *wish.source
                              : resolve({NicSource::Kind::network, std::string{usual_network}}, aliases),
                .mac = wish.mac.value_or(stable_mac(vm.str(), seed)),
                .model = *wish.model,
                .mtu = wish.mtu,
                .vlan = wish.vlan,
                .bandwidth = wish.limits,
                .filter = wish.filter.value_or("")},
        .has_given_mac = wish.mac.has_value()};
    for (const Network* network : draft.networks) {
        const NetworkFields& fields = network->fields;
        const bool has_no_client =
            nics_are_set_by == NicsAreSetBy::hypervisor && fields.type == NetworkType::dynamic;
        planned.wants_reservation =
            planned.wants_reservation || fields.cloud_properties.dhcp_reservation || has_no_client;
        if (fields.type != NetworkType::manual)
            continue;
        planned.nic.settled.push_back(address_of(*network, is_only_one && draft.networks.size() == 1));
        planned.nic.addresses.push_back(planned.nic.settled.back().ip);
        if (!fields.gateway.empty())
            planned.subnets.push_back({fields.gateway, fields.netmask});
    }
    check_source(draft.name(), planned);
    return planned;
}

/// The number of the NIC that a vip belongs to.
std::size_t owner_of(const Network& vip, const std::vector<Draft>& drafts)
{
    if (drafts.empty())
        refuse_network(vip.name, "a vip needs a NIC. Try: give the VM a manual or dynamic network too");
    const std::string& group = vip.fields.nic_group;
    const auto in_group = [&](const Draft& draft) { return draft.group == group; };
    const auto is_gateway = [](const Draft& draft) {
        return std::ranges::any_of(draft.networks,
                                   [](const Network* network) { return has_role(*network, "gateway"); });
    };
    const auto owner =
        group.empty() ? std::ranges::find_if(drafts, is_gateway) : std::ranges::find_if(drafts, in_group);
    if (owner == drafts.end() && !group.empty())
        refuse_network(vip.name, concat("no manual or dynamic network is in its nic_group '", group, "'"));
    return owner == drafts.end() ? 0 : static_cast<std::size_t>(owner - drafts.begin());
}

/// A filter that is told addresses lets no other through: it must be told them all.
void check_filtered(const Draft& draft, const PlannedNic& planned)
{
    if (planned.nic.filter.empty() || planned.nic.addresses.empty() || planned.wants_reservation)
        return;
    for (const Network* network : draft.networks)
        if (network->fields.type == NetworkType::dynamic)
            refuse_network(network->name,
                           concat("nwfilter '", planned.nic.filter,
                                  "' would block the address that DHCP gives, for the NIC has others "
                                  "too. Try: dhcp_reservation"));
}

void check_together(const std::vector<Draft>& drafts, const std::vector<PlannedNic>& nics)
{
    std::map<std::string, std::string> names_by_mac;
    std::map<std::string, std::string> names_by_reserving;
    for (std::size_t i = 0; i < nics.size(); ++i) {
        const std::string& name = drafts[i].name();
        const Nic& nic = nics[i].nic;
        if (const auto [other, is_new] = names_by_mac.emplace(nic.mac, name); !is_new)
            refuse_network(name, concat("network '", other->second, "' has the mac '", nic.mac, "' too"));
        check_filtered(drafts[i], nics[i]);
        if (!nics[i].wants_reservation)
            continue;
        if (const auto [other, is_new] = names_by_reserving.emplace(nic.source.name, name); !is_new)
            refuse_network(name, concat("a VM can have one DHCP reservation on ", describe(nic.source),
                                        ", and network '", other->second, "' has it"));
    }
}

json::Verbatim settings_of(const Networks& networks, const std::vector<Draft>& drafts,
                           const std::vector<PlannedNic>& nics)
{
    json::Writer settings;
    settings.begin_object();
    for (const Network& network : networks.all) {
        const auto draft = std::ranges::find_if(drafts, [&](const Draft& one) { return one.has(network); });
        settings.key(network.name)
            .verbatim(
                draft == drafts.end()
                    ? network.verbatim
                    : json::with_member(network.verbatim, "mac",
                                        nics[static_cast<std::size_t>(draft - drafts.begin())].nic.mac));
    }
    settings.end_object();
    return {settings.text()};
}

} // namespace

NetworkPlan plan_networks(const VmCid& vm, const Networks& networks, const NetworkAliases& aliases,
                          NicsAreSetBy nics_are_set_by, NicModel usual_model)
{
    std::vector<Draft> drafts = draft_nics(networks, aliases);
    for (Draft& draft : drafts)
        draft.wish.model = draft.wish.model.value_or(usual_model);
    NetworkPlan plan;
    for (const Draft& draft : drafts)
        plan.nics.push_back(finish(vm, draft, aliases, drafts.size() == 1, nics_are_set_by));
    for (const Network& network : networks.all)
        if (network.fields.type == NetworkType::vip)
            plan.nics[owner_of(network, drafts)].nic.addresses.push_back(
                IpAddress::parse(network.fields.ip).value().text());
    check_together(drafts, plan.nics);
    plan.settings = settings_of(networks, drafts, plan.nics);
    return plan;
}

json::Verbatim preconfigured(const NetworkPlan& plan)
{
    const json::Document document = json::parse(plan.settings.text, "the networks");
    json::Writer settings;
    settings.begin_object();
    for (const auto& [name, network] : json::root(document).members()) {
        const auto nic = std::ranges::find_if(plan.nics, [&network = network](const PlannedNic& planned) {
            return !network.at("mac").is_null() && planned.nic.mac == network.at("mac").string();
        });
        settings.key(name);
        if (nic == plan.nics.end()) { // a vip
            settings.verbatim(network.verbatim());
            continue;
        }
        json::Writer additions;
        additions.begin_object().key("preconfigured").boolean(true);
        const bool is_dynamic = network.at("type").is_string() && network.at("type").string() == "dynamic";
        if (is_dynamic && nic->reserved) {
            const NicAddress& address = *nic->reserved;
            const IpAddress ip = IpAddress::parse(address.ip).value();
            additions.key("ip").string(address.ip);
            additions.key("netmask").string(Cidr{ip, address.prefix}.netmask().text());
            additions.key("gateway").string(address.gateway);
        }
        settings.verbatim(json::with_members(network.verbatim(), {additions.end_object().text()}));
    }
    return {settings.end_object().text()};
}

void require_vlan_support(const NetworkPlan& plan, const std::function<unsigned long()>& libvirt_version)
{
    constexpr unsigned long first_with_bridge_vlans = 11'000'000;
    for (const PlannedNic& planned : plan.nics) {
        const Nic& nic = planned.nic;
        if (nic.source.kind == NicSource::Kind::bridge && nic.vlan &&
            libvirt_version() < first_with_bridge_vlans)
            throw Error{ErrorKind::not_supported,
                        concat(describe(nic.source),
                               ": a 'vlan' on a plain bridge needs libvirt 11.0.0. Try: a bridge of Open "
                               "vSwitch (openvswitch: true), or a bridge of the host that is on that VLAN")};
    }
}

} // namespace cpi
