#include "cpi/vm_networks.h"

#include "base/error.h"
#include "network/address.h"

#include <set>

namespace cpi {

namespace {

constexpr std::string_view usual_network = "default";

[[noreturn]] void refuse(const std::string& name, std::string_view what)
{
    throw Error{ErrorKind::cloud, concat("network '", name, "': ", what)};
}

bool fits_address(const std::string& netmask, const std::string& ip)
{
    if (!parse_ipv4(ip))
        return is_ip_address(netmask) && !parse_ipv4(netmask);
    const auto bits = parse_ipv4(netmask);
    return bits && is_netmask(*bits);
}

void check(const std::string& name, const NetworkFields& network)
{
    if (network.type == NetworkType::vip)
        throw Error{ErrorKind::not_supported, concat("network '", name, "': vip networks are not built yet")};
    if (network.type == NetworkType::dynamic)
        return;
    if (!is_ip_address(network.ip))
        refuse(name, concat("a manual network needs an IP address, got '", network.ip, "'"));
    if (!fits_address(network.netmask, network.ip))
        refuse(name,
               concat("a manual network needs a netmask that fits its address, got '", network.netmask, "'"));
    // A longer range than one address would have to be routed to the VM.
    if (!network.prefix.empty() && network.prefix != "32" && network.prefix != "128")
        throw Error{ErrorKind::not_supported, concat("network '", name, "': prefix '", network.prefix,
                                                     "': delegated prefixes are not supported")};
}

NicSource source_of(const std::string& name, const NetworkProperties& properties)
{
    const std::string& network = properties.network.empty() ? properties.name : properties.network;
    if (!network.empty() && !properties.bridge.empty())
        refuse(name, concat("cloud_properties name both the network '", network, "' and the bridge '",
                            properties.bridge, "'; a NIC has one of them"));
    if (!properties.bridge.empty())
        return {NicSource::Kind::bridge, properties.bridge};
    return {NicSource::Kind::network, network.empty() ? std::string{usual_network} : network};
}

std::vector<Subnet> subnet_of(const NetworkFields& network)
{
    if (network.type != NetworkType::manual || network.gateway.empty())
        return {};
    return {{network.gateway, network.netmask}};
}

} // namespace

NetworkPlan plan_networks(const VmCid& vm, const Networks& networks)
{
    NetworkPlan plan;
    json::Writer settings;
    settings.begin_object();
    std::set<std::string> groups;
    for (const auto& [name, network] : networks) {
        const NetworkFields& fields = network.fields;
        check(name, fields);
        if (!fields.nic_group.empty() && !groups.insert(fields.nic_group).second)
            throw Error{ErrorKind::not_supported,
                        concat("network '", name, "': nic_group '", fields.nic_group,
                               "' has several networks, which is not built yet")};
        const Nic nic{source_of(name, fields.cloud_properties), stable_mac(vm.str(), name)};
        plan.nics.push_back({nic, subnet_of(fields)});
        settings.key(name).verbatim(json::with_member(network.verbatim, "mac", nic.mac));
    }
    settings.end_object();
    plan.settings = {settings.text()};
    return plan;
}

} // namespace cpi
