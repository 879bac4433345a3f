#include "cpi/vm_networks.h"
#include "src/caught.h"

namespace cpi::test {

namespace {

const VmCid vm{"vm-a"};

NetworkPlan plan(std::string_view networks)
{
    const json::Document document = json::parse(networks, "the networks");
    return plan_networks(vm, json::Codec<Networks>::read(json::root(document, "arguments[3]")));
}

Caught refused(std::string_view networks)
{
    return caught([&] { return plan(networks).nics.size(); });
}

/// The only NIC of a dynamic network with these cloud properties.
NicSource source(std::string_view cloud_properties)
{
    return plan(concat(R"({"n":{"type":"dynamic","cloud_properties":)", cloud_properties, "}}"))
        .nics.at(0)
        .nic.source;
}

} // namespace

TEST_CASE("a VM has a NIC for each network, in the order of names, and the settings tell each one's address")
{
    const NetworkPlan made =
        plan(R"({"b":{"type":"dynamic"},"a":{"type":"manual","ip":"10.0.0.2","netmask":"255.255.255.0"}})");
    REQUIRE(made.nics.size() == 2);
    CHECK(made.nics.at(0).nic.mac == stable_mac("vm-a", "a"));
    CHECK(made.nics.at(1).nic.mac == stable_mac("vm-a", "b"));
    CHECK(made.nics.at(0).nic.mac != made.nics.at(1).nic.mac);
    const json::Document document = json::parse(made.settings.text, "the settings");
    CHECK(json::root(document).at("a").at("mac").string() == made.nics.at(0).nic.mac);
    CHECK(json::root(document).at("b").at("mac").string() == made.nics.at(1).nic.mac);
}

TEST_CASE("a VM without networks has no NIC")
{
    CHECK(plan("{}").nics.empty());
    CHECK(plan("{}").settings.text == "{}");
}

TEST_CASE("a network reaches the agent as it came, with its address added")
{
    const std::string members = R"("type":"manual","ip":"10.0.0.2","prefix":"32","netmask":"255.255.255.0",)"
                                R"("default":["dns","gateway"],"dns":["8.8.8.8"],"gateway":"10.0.0.1",)"
                                R"("cloud_properties":{"network":"default","other":[1]},"later":{"ä":null})";
    CHECK(plan(concat(R"({"n":{)", members, "}}")).settings.text ==
          concat(R"({"n":{)", members, R"(,"mac":")", stable_mac("vm-a", "n"), "\"}}"));
}

TEST_CASE("an address that the request brings is replaced, for the NIC has ours")
{
    CHECK(plan(R"({"n":{"type":"dynamic","mac":"00:00:00:00:00:00"}})").settings.text ==
          concat(R"({"n":{"type":"dynamic","mac":")", stable_mac("vm-a", "n"), "\"}}"));
}

TEST_CASE("a manual network needs an address and a netmask")
{
    for (const auto* network :
         {R"({"n":{"type":"manual"}})", R"({"n":{}})", R"({"n":{"type":"manual","netmask":"255.0.0.0"}})",
          R"({"n":{"type":"manual","ip":"10.0.0","netmask":"255.0.0.0"}})",
          R"({"n":{"type":"manual","ip":"","netmask":"255.0.0.0"}})"}) {
        const Caught error = refused(network);
        CHECK(error.kind == ErrorKind::cloud);
        check_says(error.what, {"network 'n': a manual network needs an IP address, got '"});
    }
    CHECK(refused(R"({"n":{"type":"manual","ip":"10.0.0.2"}})").what ==
          "network 'n': a manual network needs a netmask that fits its address, got ''");
    CHECK_FALSE(refused(R"({"n":{"ip":"fd00::2","netmask":"ffff:ffff:ffff:ffff::"}})").kind);
}

TEST_CASE("a netmask that is none is refused, for the agent would not start")
{
    CHECK(refused(R"({"n":{"type":"manual","ip":"10.0.0.2","netmask":"twenty-four"}})").kind.has_value());
    CHECK(refused(R"({"n":{"type":"manual","ip":"10.0.0.2","netmask":"255.0.255.0"}})").kind.has_value());
}

TEST_CASE("a delegated prefix is refused, for nothing routes it to the VM")
{
    CHECK(
        refused(R"({"n":{"type":"manual","ip":"10.0.0.16","netmask":"255.255.255.0","prefix":"28"}})").kind ==
        ErrorKind::not_supported);
}

TEST_CASE("a dynamic network needs no address")
{
    CHECK(plan(R"({"n":{"type":"dynamic","ip":"10.0.0.2","netmask":"255.0.0.0","gateway":"10.0.0.1"}})")
              .nics.at(0)
              .subnet.empty());
}

TEST_CASE("a vip network is not_supported, by name")
{
    const Caught error = refused(R"({"a":{"type":"dynamic"},"public":{"type":"vip","ip":"1.2.3.4"}})");
    CHECK(error.kind == ErrorKind::not_supported);
    check_says(error.what, {"network 'public': vip"});
}

TEST_CASE("networks of one nic_group are not_supported, and alone in a group is fine")
{
    const Caught error =
        refused(R"({"a":{"type":"dynamic","nic_group":"1"},"b":{"type":"dynamic","nic_group":"1"}})");
    CHECK(error.kind == ErrorKind::not_supported);
    check_says(error.what, {"network 'b': nic_group '1'"});
    CHECK(plan(R"({"a":{"type":"dynamic","nic_group":"1"},"b":{"type":"dynamic","nic_group":"2"}})")
              .nics.size() == 2);
}

TEST_CASE("a NIC is plugged into the network or bridge that cloud_properties name, or into default")
{
    const auto check = [](const NicSource& found, NicSource::Kind kind, std::string_view name) {
        CHECK(found.kind == kind);
        CHECK(found.name == name);
    };
    check(source("{}"), NicSource::Kind::network, "default");
    check(source("null"), NicSource::Kind::network, "default");
    check(source(R"({"network":"bosh"})"), NicSource::Kind::network, "bosh");
    check(source(R"({"name":"bosh"})"), NicSource::Kind::network, "bosh");
    check(source(R"({"network":"one","name":"two"})"), NicSource::Kind::network, "one");
    check(source(R"({"bridge":"br0"})"), NicSource::Kind::bridge, "br0");
    check(source(R"({"network":"","bridge":"br0"})"), NicSource::Kind::bridge, "br0");
    check(source(R"({"network":"a & <b> 'c'"})"), NicSource::Kind::network, "a & <b> 'c'");
    check(plan(R"({"n":{"type":"dynamic"}})").nics.at(0).nic.source, NicSource::Kind::network, "default");
}

TEST_CASE("a network and a bridge at once are refused")
{
    for (const auto* properties :
         {R"({"network":"one","bridge":"br0"})", R"({"name":"one","bridge":"br0"})"}) {
        const Caught error = caught([&] { return source(properties).name; });
        CHECK(error.kind == ErrorKind::cloud);
        check_says(error.what, {"network 'n': ", "'one'", "'br0'"});
    }
}

TEST_CASE("a manual network's gateway is where its network could be made")
{
    const auto subnet =
        plan(R"({"n":{"ip":"10.0.0.2","netmask":"255.255.255.0","gateway":"10.0.0.1"}})").nics.at(0).subnet;
    REQUIRE(subnet.size() == 1);
    CHECK(subnet.front().gateway == "10.0.0.1");
    CHECK(subnet.front().netmask == "255.255.255.0");
    CHECK(plan(R"({"n":{"ip":"10.0.0.2","netmask":"255.255.255.0"}})").nics.at(0).subnet.empty());
}

TEST_CASE("wrong types are refused with their place")
{
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {R"([])", "arguments[3]: expected an object, got an array"},
        {R"({"n":[]})", "arguments[3].n: expected an object, got an array"},
        {R"({"n":{"type":"static"}})",
         "arguments[3].n.type: expected one of manual, dynamic, vip, got the string \"static\""},
        {R"({"n":{"ip":1}})", "arguments[3].n.ip: expected a string, got the number 1"},
        {R"({"n":{"netmask":24}})", "arguments[3].n.netmask: expected a string, got the number 24"},
        {R"({"n":{"gateway":[]}})", "arguments[3].n.gateway: expected a string, got an array"},
        {R"({"n":{"nic_group":1}})", "arguments[3].n.nic_group: expected a string, got the number 1"},
        {R"({"n":{"prefix":32}})", "arguments[3].n.prefix: expected a string, got the number 32"},
        {R"({"n":{"cloud_properties":[]}})",
         "arguments[3].n.cloud_properties: expected an object, got an array"},
        {R"({"n":{"cloud_properties":{"network":1}}})",
         "arguments[3].n.cloud_properties.network: expected a string, got the number 1"},
        {R"({"n":{"cloud_properties":{"name":true}}})",
         "arguments[3].n.cloud_properties.name: expected a string, got true"},
        {R"({"n":{"cloud_properties":{"bridge":{}}}})",
         "arguments[3].n.cloud_properties.bridge: expected a string, got an object"},
        {R"({"n":{"cloud_properties":{"brigde":"x"}}})",
         "arguments[3].n.cloud_properties.brigde: no such key; did you mean 'bridge'?"},
    };
    for (const auto& [networks, message] : cases) {
        const Caught error = refused(networks);
        CHECK(error.kind == ErrorKind::invalid_call);
        CHECK(error.what == message);
    }
}

TEST_CASE("keys of networks that nobody knows yet are no reason to fail")
{
    for (const auto* member :
         {R"("use_dhcp":true)", R"("routes":[])", R"("alias":"x")", R"("preconfigured":false)",
          R"("ipv6":{})", R"("dns_servers":[])", R"("zone":"z1")"}) {
        CAPTURE(member);
        CHECK_FALSE(refused(concat(R"({"n":{"type":"dynamic",)", member, "}}")).kind);
    }
}

} // namespace cpi::test
