#include "properties/nics.h"

#include <algorithm>
#include <set>

namespace cpi {

namespace {

[[noreturn]] void refuse(std::string_view what)
{
    throw Error{ErrorKind::cloud, std::string{what}};
}

void require_with(bool given, std::string_view key, const std::string& needed, std::string_view needed_key)
{
    if (given && needed.empty())
        refuse(concat("'", key, "' has a meaning only together with '", needed_key, "'"));
}

/// NAT has no name, whatever other CPIs call it.
NicSource typed_source(NicSource::Kind type, const std::string& name)
{
    if (type == NicSource::Kind::nat)
        return {type, {}};
    if (name.empty())
        refuse("this 'type' has a meaning only together with 'name'");
    return {type, name};
}

} // namespace

std::optional<NicSource> source_of(const NetworkPlace& place)
{
    using Kind = NicSource::Kind;
    std::vector<NicSource> sources;
    const std::string& network = place.network.empty() ? place.name : place.network;
    const bool has_bridge = !place.bridge.empty() && network.empty();
    if (place.type && !(place.type == Kind::bridge && has_bridge))
        sources.push_back(typed_source(*place.type, network));
    else if (!network.empty())
        sources.push_back({Kind::network, network, place.portgroup});
    if (!place.bridge.empty())
        sources.push_back({place.openvswitch ? Kind::openvswitch : Kind::bridge, place.bridge});
    if (!place.direct.empty())
        sources.push_back({Kind::direct, place.direct, {}, place.direct_mode.value_or(DirectMode::bridge)});
    if (sources.size() > 1)
        refuse(concat("it is plugged into both ", describe(sources[0]), " and ", describe(sources[1]),
                      "; a NIC has one place"));
    require_with(place.openvswitch, "openvswitch", place.bridge, "bridge");
    require_with(place.direct_mode.has_value(), "direct_mode", place.direct, "direct");
    if (sources.empty() || sources[0].kind != Kind::network)
        require_with(!place.portgroup.empty(), "portgroup", {}, "network");
    return sources.empty() ? std::nullopt : std::optional{sources.front()};
}

namespace json {

MacAddress Codec<MacAddress>::read(const Place& place)
{
    const auto mac = place.is_string() ? parse_mac(place.string()) : std::nullopt;
    if (!mac)
        place.fail(expected());
    return {*mac};
}

Vlan Codec<Vlan>::read(const Place& place)
{
    using Tag = Ranged<1, 4094>;
    const bool is_trunk = place.is_array();
    const auto tags =
        is_trunk ? Codec<std::vector<Tag>>::read(place) : std::vector<Tag>{Codec<Tag>::read(place)};
    Vlan vlan{.tags = {}, .trunk = is_trunk};
    std::set<unsigned> different;
    for (const Tag& tag : tags) {
        vlan.tags.push_back(static_cast<unsigned>(tag.value));
        different.insert(vlan.tags.back());
    }
    if (different.empty() || different.size() != tags.size())
        place.fail(expected());
    return vlan;
}

RateChoice Codec<RateChoice>::read(const Place& place)
{
    if (place.is_object())
        return {Codec<RateProperties>::read(place)};
    if (!place.is_integer())
        place.fail(expected());
    return {{.average = Codec<KibibytesPerSecond>::read(place), .peak = {}, .burst = {}}};
}

} // namespace json

} // namespace cpi
