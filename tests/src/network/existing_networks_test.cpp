#include "network/existing_networks.h"
#include "src/caught.h"
#include "virt/libvirt.h"

namespace cpi::test {

namespace {

std::string texts(const std::vector<Cidr>& subnets)
{
    std::string all;
    for (const Cidr& subnet : subnets)
        all += subnet.text() + " ";
    return all;
}

Cidr cidr(std::string_view text)
{
    return Cidr::parse(text).value();
}

} // namespace

TEST_CASE("what a new network could be in the way of is read from libvirt's definition")
{
    const ExistingNetwork network =
        read_network("<network><name>a</name><uuid>u-1</uuid><forward mode='nat'/>"
                     "<bridge name='virbr3' stp='on'/>"
                     "<ip address='10.1.0.1' netmask='255.255.0.0'><dhcp/></ip>"
                     "<ip family='ipv4' address='10.2.0.1' prefix='24'/>"
                     "<ip family='ipv6' address='fd00::1' prefix='64'/><ip address='10.3.0.1'/></network>");
    CHECK(network.name == "a");
    CHECK(network.uuid == "u-1");
    CHECK(network.bridge == "virbr3");
    CHECK_FALSE(network.bridge_is_hosts);
    CHECK(texts(network.subnets) == "10.1.0.0/16 10.2.0.0/24 fd00::/64 10.3.0.1/32 ");

    const ExistingNetwork bridge =
        read_network("<network><name>b</name><forward mode='bridge'/><bridge name='br0'/></network>");
    CHECK(bridge.bridge_is_hosts);
    CHECK(bridge.bridge == "br0");
    CHECK(bridge.subnets.empty());
    CHECK(read_network("<network><name>c</name></network>").bridge.empty());
}

TEST_CASE("the VMs that use a network are those that have a NIC on it")
{
    Libvirt libvirt{{"test:///default", "virsh"}};
    const auto define = [&](const std::string& name, std::string_view devices) {
        libvirt.define_domain(name, concat("<domain type='test'><name>", name,
                                           "</name><memory>1024</memory><os><type>hvm</type></os><devices>",
                                           devices, "</devices></domain>"));
    };
    constexpr std::string_view nic = "<interface type='network'><source network='mine'/></interface>";
    define("user", nic);
    define("second-nic", concat("<interface type='network'><source network='default'/></interface>", nic));
    define("elsewhere", "<interface type='bridge'><source bridge='mine'/></interface>");
    define("without", "");
    CHECK(network_users(libvirt, "mine").size() == 2);
    CHECK(network_users(libvirt, "min").empty());
}

TEST_CASE("the host's routes are read as the kernel prints them, without the default route")
{
    constexpr std::string_view table =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT      \n"
        "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0      \n"
        "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0      \n"
        "br0\t00014D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0      \n"
        "odd\tline\n";
    CHECK(texts(routed_subnets(table)) == "192.168.0.0/16 10.77.1.0/24 ");
    CHECK(routed_subnets("").empty());
}

TEST_CASE("a free subnet is private, of the asked size, and the same for the same seed")
{
    const Cidr first = free_subnet(24, "bosh-a", {});
    CHECK(first.prefix() == 24);
    CHECK(first.overlaps(cidr("10.0.0.0/8")));
    CHECK(free_subnet(24, "bosh-a", {}) == first);
    CHECK(free_subnet(24, "bosh-b", {}) != first);
    CHECK(free_subnet(29, "bosh-a", {}).prefix() == 29);
}

TEST_CASE("a free subnet keeps clear of all that is taken")
{
    std::vector<Cidr> taken;
    for (int i = 0; i < 256; ++i) { // all of 10.0.0.0/8, in pieces
        const Cidr found = free_subnet(16, "bosh-a", taken);
        for (const Cidr& other : taken)
            REQUIRE_FALSE(found.overlaps(other));
        REQUIRE(found.overlaps(cidr("10.0.0.0/8")));
        taken.push_back(found);
    }
    const Cidr next = free_subnet(16, "bosh-a", taken);
    CHECK(next.overlaps(cidr("172.16.0.0/12")));
    taken.push_back(cidr("172.16.0.0/12"));
    CHECK(free_subnet(16, "bosh-a", taken).text() == "192.168.0.0/16");
    taken.push_back(cidr("192.168.122.0/24"));
    const Caught error = caught([&] { return free_subnet(16, "bosh-a", taken); });
    CHECK(error.kind == ErrorKind::cloud);
    check_says(error.what, {"16 bits", "Try: "});
    CHECK(free_subnet(24, "bosh-a", taken).overlaps(cidr("192.168.0.0/16")));
}

} // namespace cpi::test
