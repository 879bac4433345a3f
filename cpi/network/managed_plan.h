#pragma once

#include "base/ids.h"
#include "cpi/wire/arguments.h"
#include "network/existing_networks.h"
#include "network/network_spec.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cpi {

/// `dhcp`: false, true for addresses of the CPI's choice, or these.
struct DhcpFields {
    std::string start;
    std::string end;
};
struct DhcpWish {
    bool wanted = false;
    std::optional<DhcpFields> range;
};

/// The cloud properties of a managed network's subnet that are for making it; the others are for its NICs.
struct NetworkMaking {
    std::string name;
    Forward forward_mode = Forward::nat;
    std::string forward_dev;
    std::string bridge;
    DhcpWish dhcp;
    std::string domain;
    std::optional<json::Ranged<576, 65535>> mtu;
    std::vector<std::string> given_keys;
    std::vector<std::string> unknown_keys;
};

struct ManagedProperties {
    NetworkMaking making;
    std::map<std::string, json::Verbatim> for_nics;
};

/// What create_network is told of a managed network's subnet. Either `range` or `netmask_bits` is there.
struct NetworkDefinition {
    NetworkType type = NetworkType::manual;
    std::string range;
    std::string gateway;
    std::optional<json::Ranged<16, 29>> netmask_bits;
    ManagedProperties cloud_properties;
};

/// A network that is to be made, with what the Director is told of it.
struct ManagedNetwork {
    NetworkCid cid;
    NetworkSpec spec;
    Cidr range;
    IpAddress gateway;
    std::optional<IpRange> reserved; // for DHCP
    json::Verbatim cloud_properties; // what create_vm gets
};

/// Throws invalid_call for what cannot be, and for what is in the way of one of `existing`. `routed` is what
/// the host reaches elsewhere; a range that the CPI chooses keeps clear of it, too.
[[nodiscard]] ManagedNetwork plan_network(const NetworkDefinition& definition,
                                          const std::vector<ExistingNetwork>& existing,
                                          const std::vector<Cidr>& routed);

/// libvirt's name of a network that this CPI made.
[[nodiscard]] std::string libvirt_name(const NetworkCid& cid);

namespace json {

template <>
inline constexpr std::array names<Forward>{
    NamedValue<Forward>{word_of(Forward::nat), Forward::nat},
    NamedValue<Forward>{word_of(Forward::route), Forward::route},
    NamedValue<Forward>{word_of(Forward::open), Forward::open},
    NamedValue<Forward>{word_of(Forward::none), Forward::none},
    NamedValue<Forward>{word_of(Forward::bridge), Forward::bridge},
};

template <>
inline constexpr std::tuple fields<DhcpFields>{
    required("start", &DhcpFields::start),
    required("end", &DhcpFields::end),
};
template <>
inline constexpr UnknownKeys unknown_keys<DhcpFields> = UnknownKeys::refuse;

template <>
inline constexpr std::tuple fields<NetworkMaking>{
    optional("name", &NetworkMaking::name, "libvirt's name of the network; generated when left out"),
    optional("forward_mode", &NetworkMaking::forward_mode, "nat (the default), route, open, none or bridge"),
    optional("forward_dev", &NetworkMaking::forward_dev,
             "the host's device that nat and route go through; any when left out"),
    optional("bridge", &NetworkMaking::bridge,
             "the bridge device: the host's for forward_mode bridge, the new one's name otherwise"),
    optional("dhcp", &NetworkMaking::dhcp, "true, or the start and end of the addresses for DHCP"),
    optional("domain", &NetworkMaking::domain, "DNS domain of the network"),
    optional("mtu", &NetworkMaking::mtu, "MTU of the network and its NICs"),
};

template <>
inline constexpr std::tuple fields<NetworkDefinition>{
    optional("type", &NetworkDefinition::type),
    optional("range", &NetworkDefinition::range),
    optional("gateway", &NetworkDefinition::gateway),
    optional("netmask_bits", &NetworkDefinition::netmask_bits),
    optional("cloud_properties", &NetworkDefinition::cloud_properties),
};

template <>
struct Codec<DhcpWish> {
    static DhcpWish read(const Place& place);
    static std::string expected() { return "true, false, or an object with start and end"; }
};

template <>
struct Codec<ManagedProperties> {
    static ManagedProperties read(const Place& place);
    static std::string expected() { return "an object"; }
};

} // namespace json

} // namespace cpi
