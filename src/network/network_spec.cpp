#include "network/network_spec.h"

#include "base/text.h"
#include "xml/xml.h"

#include <algorithm>

namespace cpi {

namespace {

void add_forward(const xml::Element& root, const NetworkSpec& spec)
{
    if (spec.forward == Forward::none)
        return;
    const auto forward = root.add("forward").set("mode", word_of(spec.forward));
    if (!spec.forward_dev.empty())
        forward.set("dev", spec.forward_dev);
    const bool has_ipv6 = std::ranges::any_of(
        spec.addresses, [](const auto& at) { return at.address.family() == IpFamily::ipv6; });
    if (spec.forward == Forward::nat && has_ipv6)
        forward.add("nat").set("ipv6", "yes");
}

void add_bridge(const xml::Element& root, const NetworkSpec& spec)
{
    const auto bridge = root.add("bridge");
    if (!spec.bridge.empty())
        bridge.set("name", spec.bridge);
    if (spec.forward != Forward::bridge)
        bridge.set("stp", "on").set("delay", "0");
}

void add_address(const xml::Element& root, const HostAddress& host)
{
    const auto ip = root.add("ip");
    if (host.address.family() == IpFamily::ipv4)
        ip.set("address", host.address.text())
            .set("netmask", Cidr{host.address, host.prefix}.netmask().text());
    else
        ip.set("family", "ipv6").set("address", host.address.text()).set("prefix", concat(host.prefix));
    if (host.dhcp)
        ip.add("dhcp").add("range").set("start", host.dhcp->first.text()).set("end", host.dhcp->last.text());
}

} // namespace

std::string describe(const NetworkSpec& spec)
{
    const xml::Document document{"network"};
    const auto root = document.root();
    root.add("name", spec.name);
    if (!spec.uuid.empty())
        root.add("uuid", spec.uuid);
    add_forward(root, spec);
    add_bridge(root, spec);
    if (spec.mtu)
        root.add("mtu").set("size", concat(*spec.mtu));
    if (!spec.domain.empty())
        root.add("domain").set("name", spec.domain);
    for (const HostAddress& address : spec.addresses)
        add_address(root, address);
    return document.to_text();
}

} // namespace cpi
