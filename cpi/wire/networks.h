#pragma once

#include "properties/nics.h"

/// The networks of create_vm, as they arrive.
namespace cpi {

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
inline constexpr std::array names<NetworkType>{
    NamedValue<NetworkType>{"manual", NetworkType::manual},
    NamedValue<NetworkType>{"dynamic", NetworkType::dynamic},
    NamedValue<NetworkType>{"vip", NetworkType::vip},
};

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
struct Codec<Networks> {
    static Networks read(const Place& place);
    static std::string expected() { return "an object, each value a network"; }
};

} // namespace json

} // namespace cpi
