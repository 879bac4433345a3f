#include "cpi/network/managed_plan.h"
#include "src/caught.h"

namespace cpi::test {

namespace {

const std::vector<ExistingNetwork> existing{
    {.name = "default",
     .uuid = "u",
     .bridge = "virbr0",
     .subnets = {Cidr::parse("192.168.122.0/24").value()}},
    {.name = "lan", .uuid = "v", .bridge = "br0", .bridge_is_hosts = true, .subnets = {}}};

ManagedNetwork plan(std::string_view definition)
{
    const json::Document document = json::parse(definition, "the definition");
    return plan_network(json::Codec<NetworkDefinition>::read(json::root(document, "arguments[0]")), existing,
                        {});
}

/// In 10.0.0.0/24, with these cloud properties.
ManagedNetwork plan_with(std::string_view properties)
{
    return plan(concat(R"({"type":"manual","range":"10.0.0.0/24","cloud_properties":)", properties, "}"));
}

void refuses(std::string_view definition, std::initializer_list<std::string_view> parts)
{
    CAPTURE(definition);
    const Caught error = caught([&] { return plan(definition).cid; });
    CHECK(error.kind == ErrorKind::invalid_call);
    check_says(error.what, parts);
}

void refuses_properties(std::string_view properties, std::initializer_list<std::string_view> parts)
{
    refuses(concat(R"({"type":"manual","range":"10.0.0.0/24","cloud_properties":)", properties, "}"), parts);
}

std::string dhcp_of(std::string_view range, std::string_view gateway)
{
    const auto reserved = plan(concat(R"({"range":")", range, R"(","gateway":")", gateway,
                                      R"(","cloud_properties":{"dhcp":true}})"))
                              .reserved.value();
    return concat(reserved.first.text(), " ", reserved.last.text());
}

} // namespace

TEST_CASE("a network has the name that is asked for, or one of its own")
{
    const ManagedNetwork named = plan_with(R"({"name":"bosh_1.a"})");
    CHECK(named.cid.str() == "net-bosh_1.a");
    CHECK(named.spec.name == "bosh_1.a");
    CHECK(libvirt_name(named.cid) == "bosh_1.a");
    const ManagedNetwork nameless = plan_with("{}");
    CHECK(nameless.cid.str().starts_with("net-bosh-"));
    CHECK(nameless.cid != plan_with("{}").cid);
    CHECK(nameless.spec.uuid != named.spec.uuid);
    for (const auto* name : {"a b", "../a", ".a", "-a", "a/b", "ä"})
        refuses_properties(concat(R"({"name":")", name, R"("})"), {"cloud_properties.name: ", "letters"});
}

TEST_CASE("the host's side is the gateway, or the first address")
{
    const ManagedNetwork first = plan(R"({"range":"10.0.0.0/26","cloud_properties":{}})");
    CHECK(first.gateway.text() == "10.0.0.1");
    CHECK(first.spec.addresses.at(0).address.text() == "10.0.0.1");
    CHECK(first.spec.addresses.at(0).prefix == 26);
    CHECK_FALSE(first.reserved);
    CHECK(plan(R"({"range":"10.0.0.0/26","gateway":"10.0.0.62"})").gateway.text() == "10.0.0.62");
    CHECK(plan(R"({"range":"fd00:5::/64"})").gateway.text() == "fd00:5::1");
    for (const auto* gateway : {"10.0.0.0", "10.0.0.255", "10.0.1.1", "fd00::1", "gw", "10.0.0.1/24"})
        refuses(concat(R"({"range":"10.0.0.0/24","gateway":")", gateway, R"("})"),
                {"arguments[0].gateway: ", "10.0.0.0/24", gateway});
}

TEST_CASE("a range is a subnet with room for a VM")
{
    for (const auto* range :
         {"10.0.0.0", "10.0.0.0/31", "10.0.0.0/32", "10.0.0.0/33", "10.0.0.0/7", "fd00::/127", "x/24"})
        refuses(concat(R"({"range":")", range, R"("})"), {"arguments[0].range: ", range});
    refuses("{}", {"arguments[0].range: ", "netmask_bits"});
    CHECK(plan(R"({"range":"10.0.0.0/30"})").range.text() == "10.0.0.0/30");
    CHECK(plan(R"({"range":"fd00::/126"})").range.text() == "fd00::/126");
}

TEST_CASE("the CPI chooses a range of the asked size, free of what is there")
{
    const ManagedNetwork chosen = plan(R"({"netmask_bits":26,"cloud_properties":{"name":"a"}})");
    CHECK(chosen.range.prefix() == 26);
    CHECK(chosen.gateway == chosen.range.first().plus(1));
    CHECK(plan(R"({"netmask_bits":26,"cloud_properties":{"name":"a"}})").range == chosen.range);
    refuses(R"({"netmask_bits":26,"gateway":"10.0.0.1"})", {"arguments[0].gateway: "});

    const json::Document document =
        json::parse(R"({"netmask_bits":26,"cloud_properties":{"name":"a"}})", "it");
    const auto definition = json::Codec<NetworkDefinition>::read(json::root(document));
    CHECK(plan_network(definition, existing, {chosen.range}).range != chosen.range);
    const ExistingNetwork there{.name = "there", .uuid = "w", .bridge = "virbr9", .subnets = {chosen.range}};
    CHECK(plan_network(definition, {there}, {}).range != chosen.range);
}

TEST_CASE("DHCP has the asked addresses, or the upper eighth, which are reserved")
{
    const auto asked = plan_with(R"({"dhcp":{"start":"10.0.0.100","end":"10.0.0.120"}})").reserved.value();
    CHECK(asked.first.text() == "10.0.0.100");
    CHECK(asked.last.text() == "10.0.0.120");
    CHECK_FALSE(plan_with(R"({"dhcp":false})").reserved);
    CHECK(dhcp_of("10.0.0.0/24", "10.0.0.1") == "10.0.0.223 10.0.0.254");
    CHECK(dhcp_of("10.0.0.0/24", "10.0.0.254") == "10.0.0.191 10.0.0.222");
    CHECK(dhcp_of("10.0.0.0/29", "10.0.0.1") == "10.0.0.5 10.0.0.6");
    CHECK(dhcp_of("10.0.0.0/29", "10.0.0.6") == "10.0.0.3 10.0.0.4");
    CHECK(dhcp_of("10.0.0.0/8", "10.0.0.1") == "10.255.239.255 10.255.255.254");
    CHECK(dhcp_of("fd00::/64", "fd00::1") == "fd00::ffff:ffff:ffff:efff fd00::ffff:ffff:ffff:fffe");
    refuses(R"({"range":"10.0.0.0/30","cloud_properties":{"dhcp":true}})",
            {"cloud_properties.dhcp", "10.0.0.0/30"});
}

TEST_CASE("DHCP addresses that cannot be are refused")
{
    for (const auto* range :
         {R"({"start":"10.0.0.5","end":"10.0.0.4"})", R"({"start":"10.0.0.0","end":"10.0.0.9"})",
          R"({"start":"10.0.0.9","end":"10.0.0.255"})", R"({"start":"10.0.1.5","end":"10.0.1.6"})",
          R"({"start":"x","end":"10.0.0.9"})", R"({"start":"fd00::1","end":"fd00::2"})"})
        refuses_properties(concat(R"({"dhcp":)", range, "}"), {"cloud_properties.dhcp: ", "in 10.0.0.0/24"});
    refuses_properties(R"({"dhcp":{"start":"10.0.0.1","end":"10.0.0.9"}})", {"gateway 10.0.0.1"});
    refuses_properties(R"({"dhcp":{"start":"10.0.0.5"}})", {"cloud_properties.dhcp.end: expected a string"});
    refuses_properties(R"({"dhcp":{"start":"10.0.0.5","end":"10.0.0.6","lease":5}})", {"dhcp.lease"});
    for (const auto* wrong : {"\"yes\"", "1", "[]"})
        refuses_properties(concat(R"({"dhcp":)", wrong, "}"),
                           {"cloud_properties.dhcp: expected true, false"});
}

TEST_CASE("a bridge of the host has no addresses of libvirt's, and its gateway is told")
{
    const ManagedNetwork bridged = plan(
        R"({"range":"10.0.0.0/24","gateway":"10.0.0.1","cloud_properties":{"forward_mode":"bridge","bridge":"br0","mtu":9000}})");
    CHECK(bridged.spec.bridge == "br0"); // as that of "lan"
    CHECK(bridged.spec.addresses.empty());
    CHECK_FALSE(bridged.spec.mtu);
    const auto refuses_bridge = [](std::string_view rest, std::string_view properties,
                                   std::string_view named) {
        refuses(concat("{", rest, R"("cloud_properties":{"forward_mode":"bridge")", properties, "}}"),
                {named});
    };
    constexpr std::string_view told = R"("range":"10.0.0.0/24","gateway":"10.0.0.1",)";
    refuses_bridge(told, "", "cloud_properties.bridge: ");
    refuses_bridge(told, R"(,"bridge":"br0","dhcp":true)", "cloud_properties.dhcp: ");
    refuses_bridge(told, R"(,"bridge":"br0","domain":"d")", "cloud_properties.domain: ");
    refuses_bridge(told, R"(,"bridge":"br0","forward_dev":"eth0")", "cloud_properties.forward_dev: ");
    refuses_bridge(R"("range":"10.0.0.0/24",)", R"(,"bridge":"br0")", "arguments[0].gateway: ");
    refuses_bridge(R"("netmask_bits":24,)", R"(,"bridge":"br0")", "arguments[0].netmask_bits: ");
}

TEST_CASE("what is in the way is named")
{
    refuses_properties(R"({"name":"default"})", {"cloud_properties.name: ", "'default' exists already"});
    refuses_properties(R"({"bridge":"virbr0"})", {"cloud_properties.bridge: ", "'virbr0'", "'default'"});
    refuses_properties(R"({"bridge":"br0"})", {"cloud_properties.bridge: ", "'br0'", "'lan'"});
    refuses(
        R"({"range":"10.0.0.0/24","gateway":"10.0.0.1","cloud_properties":{"forward_mode":"bridge","bridge":"virbr0"}})",
        {"cloud_properties.bridge: ", "'virbr0'", "'default'"});
    refuses(R"({"range":"192.168.0.0/16"})", {"arguments[0].range: ", "192.168.122.0/24", "'default'"});
}

TEST_CASE("words that would end up in a configuration file are plain, and wrong values are named")
{
    refuses_properties(R"({"bridge":"a-name-too-long-"})", {"cloud_properties.bridge: ", "15 letters"});
    refuses_properties(R"({"bridge":"br%d"})", {"cloud_properties.bridge: "});
    refuses_properties(R"({"domain":"a\nserver=1.2.3.4"})", {"cloud_properties.domain: "});
    refuses_properties(R"({"forward_dev":"eth 0"})", {"cloud_properties.forward_dev: "});
    refuses_properties(R"({"forward_mode":"open","forward_dev":"eth0"})", {"cloud_properties.forward_dev: "});
    refuses_properties(R"({"forward_mode":"natt"})", {"nat, route, open, none, bridge"});
    refuses_properties(R"({"mtu":100})", {"cloud_properties.mtu: "});
    refuses_properties(R"({"forward_mod":"nat"})", {"did you mean 'forward_mode'"});
    refuses(R"({"netmask_bits":15})", {"arguments[0].netmask_bits: "});
    refuses(R"({"netmask_bits":30})", {"arguments[0].netmask_bits: "});
    CHECK(caught([] { return plan(R"({"type":"dynamic","range":"10.0.0.0/24"})").cid; }).kind ==
          ErrorKind::not_supported);
}

TEST_CASE("a NIC gets the network's name and what is not for making it")
{
    CHECK(
        plan_with(
            R"({"name":"a","bridge":"b","dhcp":false,"forward_mode":"open","domain":"d","mtu":9000,"network":"other","nwfilter":"x","theirs":[1]})")
            .cloud_properties.text == R"({"network":"a","mtu":9000,"nwfilter":"x","theirs":[1]})");
    CHECK(plan_with(R"({"name":"a","mtu":9000})").spec.mtu == 9000);
    CHECK(plan_with(R"({"name":"a","mac":"52:54:00:00:00:01","model":"e1000","portgroup":"p"})")
              .cloud_properties.text ==
          R"({"network":"a","mac":"52:54:00:00:00:01","model":"e1000","portgroup":"p"})");
}

TEST_CASE("what NICs cannot have is refused when their network is made, each key with its place")
{
    const auto error = [](std::string_view properties) {
        return caught([&] { return plan_with(properties).cid; }).what;
    };
    check_says(error(R"({"mac":"no"})"), {"arguments[0].cloud_properties.mac"});
    check_says(error(R"({"bandwidth":{"inbound":0}})"), {"arguments[0].cloud_properties.bandwidth.inbound"});
    check_says(error(R"({"direct":"eth0"})"), {"arguments[0].cloud_properties", "interface 'eth0'"});
    check_says(error(R"({"dhpc":true})"), {"did you mean 'dhcp'?"});
    check_says(error(R"({"nwfiltre":"x"})"), {"did you mean"});
}

} // namespace cpi::test
