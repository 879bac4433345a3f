#pragma once

#include "json/codec.h"
#include "network/nic.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What the contract says of a VM's networks, as it arrives.
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

/// Of a network's subnet.
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

enum class NetworkType { manual, dynamic, vip };

struct NetworkFields {
    NetworkType type = NetworkType::manual;
    std::string ip;
    std::string netmask;
    std::string gateway;
    std::string prefix;
    std::string nic_group;
    std::vector<std::string> roles; // `default`
    NetworkProperties cloud_properties;
};

/// One network of create_vm: what we read of it, and all of it as it came, for the agent.
struct Network {
    std::string name;
    NetworkFields fields;
    json::Verbatim verbatim;
};

/// In the order in which they came.
struct Networks {
    std::vector<Network> all;
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
inline constexpr std::array names<NetworkType>{
    NamedValue<NetworkType>{"manual", NetworkType::manual},
    NamedValue<NetworkType>{"dynamic", NetworkType::dynamic},
    NamedValue<NetworkType>{"vip", NetworkType::vip},
};

template <>
inline constexpr std::tuple fields<NetworkPlace>{
    optional("network", &NetworkPlace::network, "libvirt network, or an alias of network_aliases"),
    optional("name", &NetworkPlace::name, "the same as `network`"),
    optional(
        "type", &NetworkPlace::type,
        "of VirtualBox: nat, natnetwork, hostonly, bridged or intnet; what `network` says is one of them"),
    optional("bridge", &NetworkPlace::bridge,
             "bridge on the hypervisor's host, instead of a libvirt network"),
    optional("direct", &NetworkPlace::direct,
             "interface of the hypervisor's host, shared by macvtap, instead of a libvirt network"),
    optional("openvswitch", &NetworkPlace::openvswitch, "true: the bridge is one of Open vSwitch"),
    optional("direct_mode", &NetworkPlace::direct_mode,
             "bridge, vepa, private or passthrough: how `direct` is shared; bridge when left out"),
    optional("portgroup", &NetworkPlace::portgroup, "port group of the libvirt network"),
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
inline constexpr std::tuple fields<NetworkProperties> = std::tuple_cat(
    fields<NetworkPlace>,
    std::tuple{
        optional("mac", &NetworkProperties::mac, "the NIC's address; made when left out"),
        optional("mtu", &NetworkProperties::mtu, "largest packet, in bytes"),
        optional("model", &NetworkProperties::model, "virtio, e1000, e1000e, rtl8139 or vmxnet3"),
        optional("vlan", &NetworkProperties::vlan, "one VLAN tag, or those of a trunk"),
        optional("bandwidth", &NetworkProperties::bandwidth, "limits: inbound, outbound"),
        optional("nwfilter", &NetworkProperties::nwfilter, "libvirt's filter for the NIC's packets"),
        optional("dhcp_reservation", &NetworkProperties::dhcp_reservation,
                 "reserve an address of the libvirt network's DHCP range for the NIC"),
    });

template <>
inline constexpr std::tuple fields<NetworkFields>{
    optional("type", &NetworkFields::type),
    optional("ip", &NetworkFields::ip),
    optional("netmask", &NetworkFields::netmask),
    optional("gateway", &NetworkFields::gateway),
    optional("prefix", &NetworkFields::prefix),
    optional("nic_group", &NetworkFields::nic_group),
    optional("default", &NetworkFields::roles),
    optional("cloud_properties", &NetworkFields::cloud_properties),
};

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
struct Codec<Networks> {
    static Networks read(const Place& place);
    static std::string expected() { return "an object, each value a network"; }
};

} // namespace json

} // namespace cpi
