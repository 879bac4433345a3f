#include "base/log.h"
#include "network/address.h"
#include "network/reservations.h"
#include "src/caught.h"
#include "virt/libvirt.h"

#include <set>

namespace cpi::test {

namespace {

constexpr std::string_view network = R"(<network>
  <name>lan</name><bridge name='virbr9'/>
  <ip address='10.0.0.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='10.0.0.1' end='10.0.0.3'/>
      <range start='10.0.0.10' end='10.0.0.11'/>
      <host mac='52:54:00:AA:00:01' name='printer' ip='10.0.0.2'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='fd00::1' prefix='64'>
    <dhcp><range start='fd00::10' end='fd00::20'/></dhcp>
  </ip>
</network>)";

/// The picked address, when these are taken.
std::string picked(std::uint64_t seed, const std::set<std::string>& taken)
{
    const auto found = pick_address(read_dhcp(std::string{network}), seed, [&](std::uint32_t number) {
        return taken.contains(IpAddress::ipv4(number).text());
    });
    return found ? IpAddress::ipv4(*found).text() : "none";
}

} // namespace

TEST_CASE("a network's definition says what its DHCP gives, and to whom")
{
    const DhcpDefinition dhcp = read_dhcp(std::string{network});
    REQUIRE(dhcp.ranges.size() == 2);
    CHECK(IpAddress::ipv4(dhcp.ranges.at(1).first).text() == "10.0.0.10");
    CHECK(IpAddress::ipv4(dhcp.ranges.at(1).second).text() == "10.0.0.11");
    CHECK(dhcp.own == std::vector<std::uint32_t>{*parse_ipv4("10.0.0.1")});
    CHECK(dhcp.hosts == std::vector<DhcpHost>{{"52:54:00:aa:00:01", "printer", "10.0.0.2"}});
    CHECK(read_dhcp("<network><ip address='10.0.0.1'/></network>").ranges.empty());
}

TEST_CASE("the address is the one that the seed points at, or the next that is free")
{
    CHECK(picked(1, {}) == "10.0.0.2");
    CHECK(picked(1, {"10.0.0.2"}) == "10.0.0.3");
    CHECK(picked(1, {"10.0.0.2", "10.0.0.3"}) == "10.0.0.10");
    CHECK(picked(4, {"10.0.0.11"}) == "10.0.0.2"); // the first is the network's own
    CHECK(picked(5, {}) == "10.0.0.2");
    CHECK(picked(0xFFFFFFFFFFFFFFFFU, {}) != "none");
    CHECK(picked(3, {"10.0.0.2", "10.0.0.3", "10.0.0.10", "10.0.0.11"}) == "none");
    CHECK_FALSE(pick_address({}, 7, [](std::uint32_t) { return false; }));
}

TEST_CASE("a range may be all of IPv4")
{
    CHECK(pick_address({.ranges = {{0, 0xFFFFFFFFU}}, .own = {}, .hosts = {}}, 7,
                       [](std::uint32_t) { return false; }) == 7U);
}

TEST_CASE("a reservation on a network that is not there is network_not_found, and there is none to take back")
{
    Libvirt libvirt{{"test:///default", "virsh"}};
    Log log;
    const VmCid vm{"vm-a"};
    const auto nobody = [](const VmCid&) { return false; };
    CHECK(caught([&] {
              return reserve_address(libvirt, log, "no-such-net", vm, "52:54:00:00:00:01", nobody);
          }).kind == ErrorKind::network_not_found);
    release_addresses(libvirt, "no-such-net", vm);
}

} // namespace cpi::test
