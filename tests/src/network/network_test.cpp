#include "base/error.h"
#include "base/log.h"
#include "network/address.h"
#include "network/networks.h"
#include "src/caught.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"
#include "virt/libvirt.h"
#include "xml/xml.h"

#include <set>

namespace cpi::test {

namespace {

void check_valid(const std::string& network_xml)
{
    const TempDir folder;
    const Ran ran = run_program({"virt-xml-validate", folder.write("network.xml", network_xml), "network"});
    CAPTURE(network_xml);
    CAPTURE(ran.err);
    CHECK(ran.status == 0);
}

struct Fixture {
    Libvirt libvirt{{"test:///default", "virsh"}};
    Log log;
    Subnet subnet{"10.245.0.1", "255.255.255.0"};

    Fixture()
    {
        libvirt.define_network("inactive", "<network><name>inactive</name><bridge name='virbr8'/></network>");
    }

    Caught try_use(const std::string& name, AutoEnable enable, const std::vector<Subnet>& of = {})
    {
        return caught([&] {
            make_usable(libvirt, log, {NicSource::Kind::network, name}, enable, of);
            return 0;
        });
    }
};

} // namespace

TEST_CASE("an IPv4 address is four numbers with dots")
{
    CHECK(parse_ipv4("10.0.0.1") == 0x0A000001U);
    CHECK(parse_ipv4("255.255.255.255") == 0xFFFFFFFFU);
    CHECK(parse_ipv4("0.0.0.0") == 0U);
    for (const auto* text :
         {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "010.0.0.1.", "fd00::1", "10.0.0.1/24", "a.b.c.d"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_ipv4(text));
    }
}

TEST_CASE("an address ends where its text does")
{
    CHECK_FALSE(parse_ipv4(std::string_view("10.0.0.1\0x", 10)));
}

TEST_CASE("a MAC address follows from VM and network, is of QEMU's range, and in lower case")
{
    const std::string mac = stable_mac("vm-a", "default");
    CHECK(mac == stable_mac("vm-a", "default"));
    CHECK(mac.starts_with("52:54:00:"));
    CHECK(mac.size() == 17);
    CHECK(mac.find_first_not_of("0123456789abcdef:") == std::string::npos);
    const auto first = static_cast<unsigned>(std::stoi(mac.substr(0, 2), nullptr, 16));
    CHECK((first & 1U) == 0); // unicast
    CHECK((first & 2U) == 2); // locally administered
}

TEST_CASE("MAC addresses of different networks and VMs differ")
{
    CHECK(stable_mac("vm-a", "one") != stable_mac("vm-a", "two"));
    CHECK(stable_mac("vm-a", "one") != stable_mac("vm-b", "one"));
    CHECK(stable_mac("vm-a/b", "c") == stable_mac("vm-a", "b/c")); // which no cid can do
    std::set<std::string> seen;
    for (int i = 0; i < 500; ++i)
        seen.insert(stable_mac(concat("vm-", i), "default"));
    CHECK(seen.size() == 500);
}

TEST_CASE("the definition of a NAT network is what libvirt's schema allows")
{
    const std::string text = nat_network_xml("bosh & <co> 'ä'", {{"10.245.0.1", "255.255.255.0"}});
    check_valid(text);
    const auto document = xml::Document::parse(text, "it");
    const auto root = document.root();
    CHECK(root.child("name")->text() == "bosh & <co> 'ä'");
    CHECK(root.child("forward")->attribute("mode") == "nat");
    CHECK(root.child("ip")->attribute("address") == "10.245.0.1");
    CHECK(root.child("ip")->attribute("netmask") == "255.255.255.0");
    CHECK_FALSE(root.find("ip/dhcp"));
}

TEST_CASE("the definition of libvirt's default network is what libvirt's schema allows")
{
    check_valid(default_network_xml());
    const auto document = xml::Document::parse(default_network_xml(), "it");
    CHECK(document.root().child("name")->text() == "default");
    CHECK(document.root().find("ip/dhcp/range")->attribute("start") == "192.168.122.2");
}

TEST_CASE("a NAT network has one address of each family")
{
    const std::string text = nat_network_xml("both", {{"10.245.0.1", "255.255.255.0"},
                                                      {"fd00:5::1", "ffff:ffff:ffff:ffff::"},
                                                      {"10.246.0.1", "255.255.255.0"}});
    check_valid(text);
    const auto document = xml::Document::parse(text, "it");
    const auto root = document.root();
    const auto addresses = root.children("ip");
    REQUIRE(addresses.size() == 2);
    CHECK(addresses.at(0).attribute("address") == "10.245.0.1");
    CHECK(addresses.at(1).attribute("family") == "ipv6");
    CHECK(addresses.at(1).attribute("address") == "fd00:5::1");
    CHECK(addresses.at(1).attribute("prefix") == "64");
    CHECK(root.find("forward/nat")->attribute("ipv6") == "yes");
}

TEST_CASE("a NAT network needs a gateway and a netmask of one family")
{
    for (const Subnet& subnet :
         {Subnet{"", "255.255.255.0"}, Subnet{"10.0.0.1", ""}, Subnet{"10.0.0.1", "255.0.255.0"},
          Subnet{"10.0.0.1", "24"}, Subnet{"10.0.0.1", "ffff:ffff::"}, Subnet{"fd00::1", "255.0.0.0"},
          Subnet{"fd00::1", "ffff:0:ffff::"}}) {
        const Caught error = caught([&] { return nat_network_xml("n", {subnet}); });
        CHECK(error.kind == ErrorKind::cloud);
        check_says(error.what,
                   {"network 'n'", concat("'", subnet.gateway, "'"), concat("'", subnet.netmask, "'")});
    }
}

TEST_CASE("a netmask of no bits is no subnet")
{
    CHECK(caught([] { return nat_network_xml("n", {{"10.0.0.1", "0.0.0.0"}}); }).kind == ErrorKind::cloud);
}

TEST_CASE_FIXTURE(Fixture, "an active network is usable as it is")
{
    for (const auto enable : {AutoEnable::no, AutoEnable::yes})
        CHECK_FALSE(try_use("default", enable).kind);
}

TEST_CASE_FIXTURE(Fixture, "an inactive network is an error that says how to start it")
{
    const Caught error = try_use("inactive", AutoEnable::no, {subnet});
    CHECK(error.kind == ErrorKind::cloud);
    CHECK(error.what ==
          "network 'inactive' is not active. Try: virsh -c 'test:///default' net-start 'inactive', or set "
          "auto_enable_networks");
    CHECK(libvirt.network_active("inactive") == false);
}

TEST_CASE("advice names the virsh that is configured")
{
    Libvirt other{{"test:///default", "/opt/virsh"}};
    Log log;
    const auto use = [&] {
        make_usable(other, log, {NicSource::Kind::network, "absent"}, AutoEnable::no, {});
        return 0;
    };
    check_says(caught(use).what, {"Try: /opt/virsh -c 'test:///default' net-list --all"});
}

TEST_CASE_FIXTURE(Fixture, "an inactive network is started when that is allowed")
{
    CHECK_FALSE(try_use("inactive", AutoEnable::yes).kind);
    CHECK(libvirt.network_active("inactive") == true);
}

TEST_CASE_FIXTURE(Fixture, "an absent network is network_not_found, and nothing is made")
{
    for (const auto& of : {std::vector<Subnet>{}, std::vector{subnet}}) {
        const Caught error = try_use("absent", AutoEnable::no, of);
        CHECK(error.kind == ErrorKind::network_not_found);
        check_says(error.what,
                   {"network 'absent' does not exist", "virsh -c 'test:///default' net-list --all"});
        CHECK(libvirt.network_active("absent") == std::nullopt);
    }
}

TEST_CASE_FIXTURE(Fixture, "an absent network is made on its subnet when that is allowed")
{
    CHECK_FALSE(try_use("absent", AutoEnable::yes, {subnet}).kind);
    CHECK(libvirt.network_active("absent") == true);
    CHECK_FALSE(try_use("absent", AutoEnable::yes, {subnet}).kind);
}

TEST_CASE_FIXTURE(Fixture, "an absent network without a subnet cannot be made")
{
    const Caught error = try_use("absent", AutoEnable::yes);
    CHECK(error.kind == ErrorKind::network_not_found);
    check_says(error.what, {"network 'absent' does not exist", "gateway and a netmask"});
    CHECK(try_use("absent", AutoEnable::yes, {{"10.0.0.1", "ffff::"}}).kind == ErrorKind::cloud);
    CHECK(libvirt.network_active("absent") == std::nullopt);
}

TEST_CASE_FIXTURE(Fixture, "a bridge is never asked about")
{
    for (const auto enable : {AutoEnable::no, AutoEnable::yes})
        CHECK_NOTHROW(make_usable(libvirt, log, {NicSource::Kind::bridge, "br-absent"}, enable, {subnet}));
    CHECK(libvirt.network_active("br-absent") == std::nullopt);
}

TEST_CASE_FIXTURE(Fixture,
                  "a network that VMs start on with the host does so, too, where that may be seen to")
{
    const auto see_to = [&](const std::string& name, AutoEnable enable) {
        start_with_host(libvirt, log, {NicSource::Kind::network, name}, enable);
        return libvirt.network_autostarts(name);
    };
    CHECK_FALSE(see_to("inactive", AutoEnable::no));
    CHECK(see_to("inactive", AutoEnable::yes));
    CHECK(see_to("inactive", AutoEnable::no));
    CHECK_NOTHROW(start_with_host(libvirt, log, {NicSource::Kind::bridge, "br-absent"}, AutoEnable::yes));
}

TEST_CASE("a daemon that is not there is not taken for an absent network")
{
    Libvirt libvirt{{"qemu+unix:///system?socket=/no/such/socket", "virsh"}};
    Log log;
    const Caught error = caught([&] {
        make_usable(libvirt, log, {NicSource::Kind::network, "default"}, AutoEnable::yes, {});
        return 0;
    });
    CHECK(error.kind == ErrorKind::cloud);
    check_says(error.what, {"connecting to"});
}

} // namespace cpi::test
