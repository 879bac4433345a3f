#include "virt/connection.h"

namespace cpi {

namespace {

int update_dhcp_host(virNetworkPtr network, virNetworkUpdateCommand command, const std::string& host_xml,
                     Reach reach)
{
    const unsigned flags = reach == Reach::live ? VIR_NETWORK_UPDATE_AFFECT_LIVE
                           : reach == Reach::config
                               ? VIR_NETWORK_UPDATE_AFFECT_CONFIG
                               : VIR_NETWORK_UPDATE_AFFECT_LIVE | VIR_NETWORK_UPDATE_AFFECT_CONFIG;
    constexpr int where_dhcp_is = -1;
    return libvirt_api().virNetworkUpdate(network, command, VIR_NETWORK_SECTION_IP_DHCP_HOST, where_dhcp_is,
                                          host_xml.c_str(), flags);
}

} // namespace

NetworkPtr Libvirt::Connection::find_network(const std::string& name) const
{
    return NetworkPtr{run({concat("looking up network '", name, "'"), concat("net-info ", shell_quote(name)),
                           short_call, VIR_ERR_NO_NETWORK},
                          [&] { return libvirt_api().virNetworkLookupByName(handle.get(), name.c_str()); })};
}

NetworkPtr Libvirt::Connection::get_network(const std::string& name) const
{
    NetworkPtr network = find_network(name);
    if (!network)
        throw Error{ErrorKind::network_not_found, concat("network '", name, "' not found")};
    return network;
}

std::vector<std::string> Libvirt::network_definitions()
{
    const Connection& libvirt = connection();
    const Step step{"listing networks", "net-list --all", short_call, VIR_ERR_NO_NETWORK};
    std::vector<std::string> definitions;
    for (const NetworkPtr& network :
         libvirt.list<NetworkPtr>(step, libvirt_api().virConnectListAllNetworks)) {
        const CString xml{
            libvirt.run(step, [&] { return libvirt_api().virNetworkGetXMLDesc(network.get(), 0); })};
        if (xml)
            definitions.emplace_back(xml.get());
    }
    return definitions;
}

std::optional<bool> Libvirt::network_active(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.find_network(name);
    if (!network)
        return std::nullopt;
    const int active = libvirt.run(
        {concat("asking whether network '", name, "' is active"), concat("net-info ", shell_quote(name))},
        [&] { return libvirt_api().virNetworkIsActive(network.get()); });
    return active == 1;
}

void Libvirt::define_network(const std::string& name, const std::string& xml)
{
    const Connection& libvirt = connection();
    const NetworkPtr network{libvirt.run({concat("defining network '", name, "'"), "net-list --all"}, [&] {
        return libvirt_api().virNetworkDefineXML(libvirt.handle.get(), xml.c_str());
    })};
}

void Libvirt::undefine_network(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.get_network(name);
    libvirt.run({concat("undefining network '", name, "'"), concat("net-undefine ", shell_quote(name))},
                [&] { return libvirt_api().virNetworkUndefine(network.get()); });
}

void Libvirt::start_network(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.get_network(name);
    libvirt.run(
        {concat("starting network '", name, "'"), "net-list --all", short_call, VIR_ERR_OPERATION_INVALID},
        [&] { return libvirt_api().virNetworkCreate(network.get()); });
}

void Libvirt::autostart_network(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.get_network(name);
    libvirt.run({concat("letting network '", name, "' start with the host"), "net-list --all"},
                [&] { return libvirt_api().virNetworkSetAutostart(network.get(), 1); });
}

bool Libvirt::network_autostarts(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.get_network(name);
    int autostart = 0;
    libvirt.run({concat("asking whether network '", name, "' starts with the host"),
                 concat("net-info ", shell_quote(name))},
                [&] { return libvirt_api().virNetworkGetAutostart(network.get(), &autostart); });
    return autostart != 0;
}

bool Libvirt::remove_network(const std::string& uuid)
{
    const Connection& libvirt = connection();
    const NetworkPtr network{libvirt.run(
        {concat("looking up network ", uuid), concat("net-info ", uuid), short_call, VIR_ERR_NO_NETWORK},
        [&] { return libvirt_api().virNetworkLookupByUUIDString(libvirt.handle.get(), uuid.c_str()); })};
    if (!network)
        return false;
    // It may not have been started, or be gone when it is no longer active.
    libvirt.run({concat("stopping network ", uuid), concat("net-destroy ", uuid), short_call,
                 VIR_ERR_OPERATION_INVALID},
                [&] { return libvirt_api().virNetworkDestroy(network.get()); });
    libvirt.run(
        {concat("undefining network ", uuid), concat("net-undefine ", uuid), short_call, VIR_ERR_NO_NETWORK},
        [&] { return libvirt_api().virNetworkUndefine(network.get()); });
    return true;
}

std::optional<std::string> Libvirt::network_xml(const std::string& name, Definition definition)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.find_network(name);
    if (!network)
        return std::nullopt;
    const Step step{concat("reading the definition of network '", name, "'"),
                    concat("net-dumpxml ", shell_quote(name))};
    // A network that is gone when it stops has no other definition than what it runs with.
    const bool wants_inactive = definition == Definition::inactive && libvirt.run(step, [&] {
        return libvirt_api().virNetworkIsPersistent(network.get());
    }) == 1;
    const unsigned flags = wants_inactive ? static_cast<unsigned>(VIR_NETWORK_XML_INACTIVE) : 0U;
    const CString xml{
        libvirt.run(step, [&] { return libvirt_api().virNetworkGetXMLDesc(network.get(), flags); })};
    return xml.get();
}

std::vector<DhcpLease> Libvirt::dhcp_leases(const std::string& network)
{
    const Connection& libvirt = connection();
    const NetworkPtr handle = libvirt.get_network(network);
    virNetworkDHCPLeasePtr* leases = nullptr;
    const int count =
        libvirt.run({concat("listing the DHCP leases of network '", network, "'"),
                     concat("net-dhcp-leases ", shell_quote(network))},
                    [&] { return libvirt_api().virNetworkGetDHCPLeases(handle.get(), nullptr, &leases, 0); });
    std::vector<DhcpLease> found;
    for (virNetworkDHCPLeasePtr lease : std::span{leases, static_cast<std::size_t>(count)}) {
        found.push_back({lease->mac == nullptr ? "" : lease->mac, lease->ipaddr});
        libvirt_api().virNetworkDHCPLeaseFree(lease);
    }
    std::free(leases); // NOLINT(*-no-malloc,*-owning-memory): libvirt allocated it
    return found;
}

bool Libvirt::add_dhcp_host(const std::string& network, const std::string& host_xml)
{
    const Connection& libvirt = connection();
    const NetworkPtr handle = libvirt.get_network(network);
    const int done =
        libvirt.run({concat("reserving an address on network '", network, "'"),
                     concat("net-update ", shell_quote(network), " add ip-dhcp-host ", shell_quote(host_xml),
                            " --live --config"),
                     short_call, VIR_ERR_OPERATION_INVALID},
                    [&] {
                        return update_dhcp_host(handle.get(), VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, host_xml,
                                                Reach::live_and_config);
                    });
    return done == 0;
}

void Libvirt::remove_dhcp_host(const std::string& network, const std::string& host_xml, Reach reach)
{
    const Connection& libvirt = connection();
    const NetworkPtr handle = libvirt.get_network(network);
    libvirt.run(
        {concat("taking back an address on network '", network, "'"),
         concat("net-update ", shell_quote(network), " delete ip-dhcp-host ", shell_quote(host_xml),
                reach == Reach::live ? " --live" : " --config"),
         short_call, VIR_ERR_OPERATION_INVALID},
        [&] { return update_dhcp_host(handle.get(), VIR_NETWORK_UPDATE_COMMAND_DELETE, host_xml, reach); });
}

} // namespace cpi
