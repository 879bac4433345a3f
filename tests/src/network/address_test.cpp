#include "network/address.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

IpAddress ip(std::string_view text)
{
    return IpAddress::parse(text).value();
}

Cidr cidr(std::string_view text)
{
    return Cidr::parse(text).value();
}

} // namespace

TEST_CASE("an address is read and written, in each family's usual spelling")
{
    for (const auto* text :
         {"0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "fd00::1", "2001:db8:1:2:3:4:5:6"})
        CHECK(ip(text).text() == text);
    CHECK(ip("FD00:0:0::1").text() == "fd00::1");
    CHECK(IpAddress::ipv4(0xC0A87A01).text() == "192.168.122.1");
    for (const auto* text : {"", "10.0.0", "10.0.0.1/8", "fd00::1::2", "fe80::1%eth0", "localhost"})
        CHECK_FALSE(IpAddress::parse(text));
    CHECK_FALSE(IpAddress::parse(std::string_view("fd00::1\0x", 9)));
}

TEST_CASE("addresses are counted, across bytes and down again")
{
    CHECK(ip("10.0.0.255").plus(1) == ip("10.0.1.0"));
    CHECK(ip("10.0.1.0").plus(-1) == ip("10.0.0.255"));
    CHECK(ip("10.0.0.0").plus(0x10203) == ip("10.1.2.3"));
    CHECK(ip("10.1.2.3").plus(-0x10203) == ip("10.0.0.0"));
    CHECK(ip("255.255.255.255").plus(1) == ip("0.0.0.0"));
    CHECK(ip("fd00::ffff:ffff:ffff:ffff").plus(1) == ip("fd00:0:0:1::"));
    CHECK(ip("fd00:0:0:1::").plus(-1) == ip("fd00::ffff:ffff:ffff:ffff"));
}

TEST_CASE("addresses of one family are in the order of their numbers, and families do not mix")
{
    CHECK(ip("10.0.0.2") < ip("10.0.0.10"));
    CHECK(ip("9.255.255.255") < ip("10.0.0.0"));
    CHECK(ip("fd00::2") < ip("fd00::10"));
    CHECK(ip("0.0.0.1") != ip("::1"));
}

TEST_CASE("a block is read, and starts where its address's bits end")
{
    CHECK(cidr("10.0.0.0/24").text() == "10.0.0.0/24");
    CHECK(cidr("10.0.0.77/24").text() == "10.0.0.0/24");
    CHECK(cidr("10.0.0.77/32").text() == "10.0.0.77/32");
    CHECK(cidr("0.0.0.0/0").last() == ip("255.255.255.255"));
    CHECK(cidr("fd00:1::5/64").text() == "fd00:1::/64");
    CHECK(cidr("fd00:1::5/61").last() == ip("fd00:1:0:7:ffff:ffff:ffff:ffff"));
    CHECK(cidr("10.0.0.64/26").last() == ip("10.0.0.127"));
    CHECK(cidr("10.0.0.64/26").netmask() == ip("255.255.255.192"));
    CHECK(cidr("fd00::/64").netmask() == ip("ffff:ffff:ffff:ffff::"));
    CHECK(cidr("fd00::/64").prefix() == 64);
    for (const auto* text : {"", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
                             "10.0.0.0/24 ", "10.0.0.0/0x8", "10.0.0/24", "fd00::/129", "/24",
                             "10.0.0.0/255.255.255.0", "10.0.0.0/4294967297"}) {
        CAPTURE(text);
        CHECK_FALSE(Cidr::parse(text));
    }
}

TEST_CASE("an address and a netmask of its family make a block")
{
    const auto of = [](std::string_view address, std::string_view netmask) {
        const auto block = Cidr::of(ip(address), ip(netmask));
        return block ? block->text() : "none";
    };
    CHECK(of("10.0.0.1", "255.255.255.0") == "10.0.0.0/24");
    CHECK(of("10.0.0.1", "255.255.255.255") == "10.0.0.1/32");
    CHECK(of("10.0.0.1", "0.0.0.0") == "0.0.0.0/0");
    CHECK(of("10.0.0.1", "255.0.255.0") == "none");
    CHECK(of("10.0.0.1", "ffff:ff00::") == "none");
    CHECK(of("fd00::1", "ffff:ff00::") == "fd00::/24");
    CHECK(of("fd00::1", "255.255.255.0") == "none");
}

TEST_CASE("blocks overlap when one is in the other")
{
    CHECK(cidr("10.0.0.0/24").overlaps(cidr("10.0.0.0/24")));
    CHECK(cidr("10.0.0.0/24").overlaps(cidr("10.0.0.128/25")));
    CHECK(cidr("10.0.0.128/25").overlaps(cidr("10.0.0.0/8")));
    CHECK_FALSE(cidr("10.0.0.0/24").overlaps(cidr("10.0.1.0/24")));
    CHECK_FALSE(cidr("10.0.0.0/25").overlaps(cidr("10.0.0.128/25")));
    CHECK(cidr("fd00::/64").overlaps(cidr("fd00::/48")));
    CHECK_FALSE(cidr("fd00::/64").overlaps(cidr("fd00:0:0:1::/64")));
    CHECK_FALSE(cidr("0.0.0.0/0").overlaps(cidr("::/0")));
}

TEST_CASE("a machine has an address that is in the block, and neither its first nor its last")
{
    CHECK(cidr("10.0.0.0/24").has_host(ip("10.0.0.1")));
    CHECK(cidr("10.0.0.0/24").has_host(ip("10.0.0.254")));
    CHECK_FALSE(cidr("10.0.0.0/24").has_host(ip("10.0.0.0")));
    CHECK_FALSE(cidr("10.0.0.0/24").has_host(ip("10.0.0.255")));
    CHECK_FALSE(cidr("10.0.0.0/24").has_host(ip("10.0.1.1")));
    CHECK_FALSE(cidr("10.0.0.0/24").has_host(ip("fd00::1")));
    CHECK(cidr("fd00::/64").has_host(ip("fd00::1")));
    CHECK_FALSE(cidr("fd00::/64").has_host(ip("fd00::")));
    CHECK_FALSE(cidr("::/0").has_host(ip("10.0.0.1")));
}

} // namespace cpi::test
