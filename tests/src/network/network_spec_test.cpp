#include "network/network_spec.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"
#include "xml/xml.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

/// The definition, when libvirt's schema allows it.
std::string described(const NetworkSpec& spec)
{
    std::string text = describe(spec);
    const TempDir folder;
    const Ran ran = run_program({"virt-xml-validate", folder.write("network.xml", text), "network"});
    CAPTURE(text);
    CAPTURE(ran.err);
    CHECK(ran.status == 0);
    return text;
}

HostAddress host(std::string_view address, unsigned prefix)
{
    return {.address = IpAddress::parse(address).value(), .prefix = prefix};
}

} // namespace

TEST_CASE("each way to what is outside has its words")
{
    const std::vector<std::pair<Forward, std::string>> modes{
        {Forward::nat, "nat"}, {Forward::route, "route"}, {Forward::open, "open"}};
    for (const auto& [forward, word] : modes) {
        const std::string text = described(
            {.name = "n", .forward = forward, .bridge = "br-n", .addresses = {host("10.0.0.1", 24)}});
        const auto document = xml::Document::parse(text, "it");
        CHECK(document.root().child("forward")->attribute("mode") == word);
        CHECK(document.root().child("bridge")->attribute("name") == "br-n");
    }
    const auto isolated = xml::Document::parse(
        described({.name = "n", .forward = Forward::none, .addresses = {host("10.0.0.1", 24)}}), "it");
    CHECK_FALSE(isolated.root().child("forward"));
    CHECK(isolated.root().find("ip"));
    const auto bridge =
        xml::Document::parse(described({.name = "n", .forward = Forward::bridge, .bridge = "br0"}), "it");
    CHECK(bridge.root().child("forward")->attribute("mode") == "bridge");
    CHECK(bridge.root().child("bridge")->attribute("name") == "br0");
    CHECK(bridge.root().child("bridge")->attribute("stp").empty());
    CHECK_FALSE(bridge.root().find("ip"));
}

TEST_CASE("all that can be said of a network is in its definition")
{
    const IpRange dhcp{IpAddress::parse("10.0.0.8").value(), IpAddress::parse("10.0.0.9").value()};
    const std::string text = described({.name = "n",
                                        .uuid = "3f0c1a52-7a3c-4a53-9a0e-5f7a3b1c9d11",
                                        .forward = Forward::route,
                                        .forward_dev = "eth0",
                                        .bridge = "br-n",
                                        .domain = "bosh.lab",
                                        .mtu = 9000,
                                        .addresses = {{IpAddress::parse("10.0.0.1").value(), 26, dhcp}}});
    const auto document = xml::Document::parse(text, "it");
    const auto root = document.root();
    CHECK(root.child("uuid")->text() == "3f0c1a52-7a3c-4a53-9a0e-5f7a3b1c9d11");
    CHECK(root.child("forward")->attribute("dev") == "eth0");
    CHECK_FALSE(root.find("forward/nat"));
    CHECK(root.child("domain")->attribute("name") == "bosh.lab");
    CHECK(root.child("mtu")->attribute("size") == "9000");
    CHECK(root.child("ip")->attribute("netmask") == "255.255.255.192");
    CHECK(root.find("ip/dhcp/range")->attribute("start") == "10.0.0.8");
    CHECK(root.find("ip/dhcp/range")->attribute("end") == "10.0.0.9");
}

TEST_CASE("NAT is for IPv6, too, where the network has it")
{
    const auto document =
        xml::Document::parse(described({.name = "n", .addresses = {host("fd00::1", 64)}}), "it");
    CHECK(document.root().find("forward/nat")->attribute("ipv6") == "yes");
    CHECK(document.root().child("ip")->attribute("family") == "ipv6");
    CHECK(document.root().child("ip")->attribute("prefix") == "64");
    const auto ipv4 =
        xml::Document::parse(described({.name = "n", .addresses = {host("10.0.0.1", 24)}}), "it");
    CHECK_FALSE(ipv4.root().find("forward/nat"));
}

} // namespace cpi::test
