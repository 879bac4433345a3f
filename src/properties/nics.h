#pragma once

#include "json/schema.h"
#include "network/nic.h"
#include "properties/property.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What can be asked of a VM's NIC, in the cloud properties of a network's subnet.
namespace cpi {

/// Where a NIC is plugged in: one of `network`, `bridge` and `direct`. `name` is what other CPIs call
/// `network`. `type` says of which of VirtualBox's kinds that is.
struct NetworkPlace {
    std::string network;
    std::string name;
    std::string bridge;
    std::string direct;
    bool openvswitch = false;
    std::optional<DirectMode> direct_mode;
    std::string portgroup;
    std::optional<NicSource::Kind> type;
    std::vector<std::string> given_keys;
};
using NetworkAliases = std::map<std::string, NetworkPlace>;

/// What a place is plugged into; nothing when it names none. Throws for what contradicts itself.
[[nodiscard]] std::optional<NicSource> source_of(const NetworkPlace& place);

struct MacAddress {
    std::string text;
};

using KibibytesPerSecond = json::Ranged<1, std::int64_t{1} << 31U>;
struct RateProperties {
    KibibytesPerSecond average;
    std::optional<KibibytesPerSecond> peak;
    std::optional<KibibytesPerSecond> burst;
};

/// The same, or nothing but its average.
struct RateChoice : RateProperties {};
struct BandwidthProperties {
    std::optional<RateChoice> inbound;
    std::optional<RateChoice> outbound;
};

struct NetworkProperties : NetworkPlace {
    std::optional<MacAddress> mac;
    std::optional<json::Ranged<68, 65535>> mtu;
    std::optional<NicModel> model;
    std::optional<Vlan> vlan;
    std::optional<BandwidthProperties> bandwidth;
    std::string nwfilter;
    bool dhcp_reservation = false;
    std::vector<std::string> unknown_keys;
};

namespace json {

template <>
inline constexpr std::array names<DirectMode>{
    NamedValue<DirectMode>{word_of(DirectMode::bridge), DirectMode::bridge},
    NamedValue<DirectMode>{word_of(DirectMode::vepa), DirectMode::vepa},
    NamedValue<DirectMode>{word_of(DirectMode::isolated), DirectMode::isolated},
    NamedValue<DirectMode>{word_of(DirectMode::passthrough), DirectMode::passthrough},
};

template <>
inline constexpr std::array names<NicSource::Kind>{
    NamedValue<NicSource::Kind>{"nat", NicSource::Kind::nat},
    NamedValue<NicSource::Kind>{"natnetwork", NicSource::Kind::nat_network},
    NamedValue<NicSource::Kind>{"hostonly", NicSource::Kind::host_only},
    NamedValue<NicSource::Kind>{"bridged", NicSource::Kind::bridge},
    NamedValue<NicSource::Kind>{"intnet", NicSource::Kind::internal},
    NamedValue<NicSource::Kind>{"internal", NicSource::Kind::internal},
};

template <>
inline constexpr std::array names<NicModel>{
    NamedValue<NicModel>{word_of(NicModel::virtio), NicModel::virtio},
    NamedValue<NicModel>{word_of(NicModel::e1000), NicModel::e1000},
    NamedValue<NicModel>{word_of(NicModel::e1000e), NicModel::e1000e},
    NamedValue<NicModel>{word_of(NicModel::rtl8139), NicModel::rtl8139},
    NamedValue<NicModel>{word_of(NicModel::vmxnet3), NicModel::vmxnet3},
};

template <>
inline constexpr UnknownKeys unknown_keys<NetworkPlace> = UnknownKeys::refuse;

template <>
inline constexpr std::tuple fields<RateProperties>{
    required("average", &RateProperties::average, "KiB/s"),
    optional("peak", &RateProperties::peak, "KiB/s, for as long as the burst lasts"),
    optional("burst", &RateProperties::burst, "KiB that may go at the peak's rate"),
};
template <>
inline constexpr UnknownKeys unknown_keys<RateProperties> = UnknownKeys::refuse;

template <>
inline constexpr std::tuple fields<BandwidthProperties>{
    optional("inbound", &BandwidthProperties::inbound, "to the VM"),
    optional("outbound", &BandwidthProperties::outbound, "from the VM"),
};
template <>
inline constexpr UnknownKeys unknown_keys<BandwidthProperties> = UnknownKeys::refuse;

template <>
struct Codec<MacAddress> {
    static MacAddress read(const Place& place);
    static std::string expected() { return "a MAC address of one station, such as 52:54:00:12:34:56"; }
};

template <>
struct Codec<Vlan> {
    static Vlan read(const Place& place);
    static std::string expected() { return "a VLAN tag from 1 to 4094, or an array of different ones"; }
};

template <>
struct Codec<RateChoice> {
    static RateChoice read(const Place& place);
    static std::string expected() { return concat("an object, or ", Codec<KibibytesPerSecond>::expected()); }
};

template <>
struct SchemaOf<MacAddress> : SchemaOfText {
};
template <>
struct SchemaOf<Vlan> {
    static void write(Writer& out)
    {
        out.key("type").begin_array().string("integer").string("array").end_array();
        out.key("minimum").integer(1).key("maximum").integer(4094);
        out.key("items").begin_object();
        SchemaOf<Ranged<1, 4094>>::write(out);
        out.end_object();
    }
};
template <>
struct SchemaOf<RateChoice> {
    static void write(Writer& out)
    {
        out.key("anyOf").begin_array();
        out.begin_object();
        SchemaOf<KibibytesPerSecond>::write(out);
        out.end_object().begin_object();
        SchemaOf<RateProperties>::write(out);
        out.end_object().end_array();
    }
};

} // namespace json

namespace nic_property {

inline constexpr auto network =
    property("network", &NetworkPlace::network, "a libvirt network, or an alias of network_aliases",
             {.family = Family::place, .usual = "default", .example = R"("vmnet8")"});
inline constexpr auto name = property("name", &NetworkPlace::name, "the same as network",
                                      {.family = Family::place, .example = R"("vmnet8")"});
inline constexpr auto type = property(
    "type", &NetworkPlace::type, "of VirtualBox: what network says is one of [these](vbox.md#networks)",
    {.family = Family::place, .only_for = "it is VirtualBox's", .example = R"("intnet")"});
inline constexpr auto bridge = property("bridge", &NetworkPlace::bridge,
                                        "a bridge on the hypervisor's host, instead of a libvirt network",
                                        {.family = Family::place, .example = R"("br9")"});
inline constexpr auto direct =
    property("direct", &NetworkPlace::direct,
             "an interface of the hypervisor's host, shared by macvtap, instead of a libvirt network",
             {.family = Family::place, .example = R"("eth9")"});
inline constexpr auto openvswitch =
    property("openvswitch", &NetworkPlace::openvswitch, "true: the bridge is one of Open vSwitch",
             {.family = Family::place, .example = "true"});
inline constexpr auto direct_mode =
    property("direct_mode", &NetworkPlace::direct_mode, "how direct is shared",
             {.family = Family::place, .usual = "bridge", .example = R"("vepa")"});
inline constexpr auto portgroup =
    property("portgroup", &NetworkPlace::portgroup, "a port group of the libvirt network",
             {.family = Family::place, .example = R"("p")"});
inline constexpr auto mac =
    property("mac", &NetworkProperties::mac, "the NIC's MAC address",
             {.family = Family::nic, .usual = "made", .example = R"("52:54:00:aa:00:01")"});
inline constexpr auto mtu =
    property("mtu", &NetworkProperties::mtu,
             "largest packet, in bytes; guests see it on virtio NICs. libvirt refuses it for direct",
             {.family = Family::nic, .usual = "the network's", .example = "1400"});
inline constexpr auto model = property("model", &NetworkProperties::model, "what the guest sees",
                                       {.family = Family::nic,
                                        .unheeded = Unheeded::ignored,
                                        .usual = "virtio; on VMware vmxnet3",
                                        .example = R"("e1000")"});
inline constexpr auto vlan =
    property("vlan", &NetworkProperties::vlan, "one VLAN tag, or those of a trunk, which the guest sees",
             {.family = Family::nic, .example = "5"});
inline constexpr auto bandwidth =
    property("bandwidth", &NetworkProperties::bandwidth, "limits: inbound, to the VM, and outbound",
             {.family = Family::nic, .example = R"({"inbound":5})"});
inline constexpr auto nwfilter = property("nwfilter", &NetworkProperties::nwfilter,
                                          "libvirt's filter for the NIC's packets, such as clean-traffic",
                                          {.family = Family::nic, .example = R"("clean-traffic")"});
inline constexpr auto dhcp_reservation = property("dhcp_reservation", &NetworkProperties::dhcp_reservation,
                                                  "a [reserved address](networks.md#dhcp-reservations) of "
                                                  "the libvirt network's DHCP range, for a dynamic network",
                                                  {.family = Family::nic, .example = "true"});

} // namespace nic_property

template <>
inline constexpr std::tuple json::fields<NetworkPlace>{
    nic_property::network, nic_property::name,        nic_property::type,        nic_property::bridge,
    nic_property::direct,  nic_property::openvswitch, nic_property::direct_mode, nic_property::portgroup};

template <>
inline constexpr auto json::fields<NetworkProperties> = std::tuple_cat(
    json::fields<NetworkPlace>,
    std::tuple{nic_property::mac, nic_property::mtu, nic_property::model, nic_property::vlan,
               nic_property::bandwidth, nic_property::nwfilter, nic_property::dhcp_reservation});

} // namespace cpi
