#include "hypervisor/nic_xml.h"

#include "base/error.h"

namespace cpi {

namespace {

using xml::Element;

void add_source(const Element& interface, const NicSource& source)
{
    const Element element = interface.add("source");
    switch (source.kind) {
    case NicSource::Kind::network:
        interface.set("type", "network");
        element.set("network", source.name);
        if (!source.portgroup.empty())
            element.set("portgroup", source.portgroup);
        return;
    case NicSource::Kind::openvswitch:
        interface.add("virtualport").set("type", "openvswitch");
        [[fallthrough]];
    case NicSource::Kind::bridge:
        interface.set("type", "bridge");
        element.set("bridge", source.name);
        return;
    case NicSource::Kind::direct:
        interface.set("type", "direct");
        element.set("dev", source.name).set("mode", word_of(source.mode));
        return;
    case NicSource::Kind::nat:
    case NicSource::Kind::nat_network:
    case NicSource::Kind::host_only:
    case NicSource::Kind::internal: break;
    }
    throw Error{ErrorKind::not_supported, concat(describe(source), " ('type') is VirtualBox's")};
}

void add_vlan(const Element& interface, const Vlan& vlan)
{
    const Element element = interface.add("vlan");
    if (vlan.trunk)
        element.set("trunk", "yes");
    for (const unsigned tag : vlan.tags)
        element.add("tag").set("id", std::to_string(tag));
}

void add_rate(const Element& bandwidth, std::string_view direction, const std::optional<Rate>& rate)
{
    if (!rate)
        return;
    const Element element = bandwidth.add(direction).set("average", std::to_string(rate->average));
    if (rate->peak)
        element.set("peak", std::to_string(*rate->peak));
    if (rate->burst)
        element.set("burst", std::to_string(*rate->burst));
}

void add_bandwidth(const Element& interface, const Bandwidth& limits, NicSource::Kind kind)
{
    std::optional<Rate> inbound = limits.inbound;
    // There libvirt makes of the average what the VM has at least, and of the peak what it has at most.
    if (inbound && !inbound->peak && kind == NicSource::Kind::openvswitch)
        inbound->peak = inbound->average;
    const Element bandwidth = interface.add("bandwidth");
    add_rate(bandwidth, "inbound", inbound);
    add_rate(bandwidth, "outbound", limits.outbound);
}

void add_filter(const Element& interface, const Nic& nic)
{
    const Element filter = interface.add("filterref").set("filter", nic.filter);
    for (const auto& address : nic.addresses)
        filter.add("parameter")
            .set("name", address.find(':') == std::string::npos ? "IP" : "IPV6")
            .set("value", address);
}

} // namespace

Element add_plain_nic(const Element& devices, const Nic& nic)
{
    const Element interface = devices.add("interface");
    interface.add("mac").set("address", nic.mac);
    add_source(interface, nic.source);
    return interface;
}

Element add_nic(const Element& devices, const Nic& nic)
{
    const Element interface = add_plain_nic(devices, nic);
    interface.add("model").set("type", word_of(nic.model));
    if (nic.mtu)
        interface.add("mtu").set("size", std::to_string(*nic.mtu));
    if (nic.vlan)
        add_vlan(interface, *nic.vlan);
    if (nic.bandwidth)
        add_bandwidth(interface, *nic.bandwidth, nic.source.kind);
    if (!nic.filter.empty())
        add_filter(interface, nic);
    return interface;
}

} // namespace cpi
