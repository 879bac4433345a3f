#include "cpi/vm/network_plan.h"
#include "src/caught.h"

namespace cpi::test {

namespace {

const VmCid vm{"vm-a"};

NetworkPlan plan(std::string_view networks, const NetworkAliases& aliases = {},
                 NicsAreSetBy nics_are_set_by = NicsAreSetBy::agent)
{
    const json::Document document = json::parse(networks, "the networks");
    return plan_networks(vm, json::Codec<Networks>::read(json::root(document, "arguments[3]")), aliases,
                         nics_are_set_by);
}

Caught refused(std::string_view networks)
{
    return caught([&] { return plan(networks).nics.size(); });
}

/// The only NIC of a dynamic network with these cloud properties.
Nic nic(std::string_view cloud_properties, const NetworkAliases& aliases = {})
{
    return plan(concat(R"({"n":{"type":"dynamic","cloud_properties":)", cloud_properties, "}}"), aliases)
        .nics.at(0)
        .nic;
}

NicSource source(std::string_view cloud_properties)
{
    return nic(cloud_properties).source;
}

Caught refused_properties(std::string_view cloud_properties)
{
    return caught([&] { return source(cloud_properties).name; });
}

/// A manual network, with more members.
std::string manual(std::string_view ip, std::string_view netmask, std::string_view more = {})
{
    return concat(R"({"type":"manual","ip":")", ip, R"(","netmask":")", netmask, "\"", more, "}");
}

using Addresses = std::vector<std::string>;

} // namespace

TEST_CASE("a NIC is of the model that is said, or of the hypervisor's usual one")
{
    const auto models = [](NicModel usual) {
        const json::Document document = json::parse(
            R"({"a":{"type":"dynamic"},"b":{"type":"dynamic","cloud_properties":{"model":"e1000"}}})", "it");
        const NetworkPlan made =
            plan_networks(vm, json::Codec<Networks>::read(json::root(document, "arguments[3]")), {},
                          NicsAreSetBy::agent, usual);
        return std::vector{made.nics.at(0).nic.model, made.nics.at(1).nic.model};
    };
    CHECK((models(NicModel::vmxnet3) == std::vector{NicModel::vmxnet3, NicModel::e1000}));
    CHECK((models(NicModel::virtio) == std::vector{NicModel::virtio, NicModel::e1000}));
}

TEST_CASE(
    "a VM has a NIC for each network, in the order in which they came, and the settings tell each one's "
    "address")
{
    const NetworkPlan made = plan(concat(R"({"b":{"type":"dynamic"},"a":)",
                                         manual("10.0.0.2", "255.255.255.0"), R"(,"0":{"type":"dynamic"}})"));
    REQUIRE(made.nics.size() == 3);
    CHECK(made.nics.at(0).nic.mac == stable_mac("vm-a", "b"));
    CHECK(made.nics.at(1).nic.mac == stable_mac("vm-a", "a"));
    CHECK(made.nics.at(2).nic.mac == stable_mac("vm-a", "0"));
    const json::Document document = json::parse(made.settings.text, "the settings");
    const auto members = json::root(document).members();
    REQUIRE(members.size() == 3);
    for (std::size_t i = 0; i < members.size(); ++i)
        CHECK(members.at(i).second.at("mac").string() == made.nics.at(i).nic.mac);
    CHECK(members.at(0).first == "b");
    CHECK(members.at(2).first == "0");
}

TEST_CASE("two networks of one name are refused")
{
    const Caught error = refused(R"({"a":{"type":"dynamic"},"a":{"type":"dynamic"}})");
    CHECK(error.kind == ErrorKind::invalid_call);
    CHECK(error.what == "arguments[3].a: there are two of that name");
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
    for (const auto& [ip, netmask] :
         std::vector<std::pair<std::string, std::string>>{{"10.0.0.2", "twenty-four"},
                                                          {"10.0.0.2", "255.0.255.0"},
                                                          {"10.0.0.2", "ffff::"},
                                                          {"fd00::2", "255.255.255.0"},
                                                          {"fd00::2", "ffff:0:ffff::"},
                                                          {"fd00::2", "ffff:7fff::"},
                                                          {"fd00::2", "64"}}) {
        check_says(refused(concat("{\"n\":", manual(ip, netmask), "}")).what, {"netmask", netmask});
    }
    for (const auto* netmask : {"ffff:ffff:ffff:ffff::", "ffff:ffff:ffff:fffe::", "ffff::",
                                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"})
        CHECK_FALSE(refused(concat("{\"n\":", manual("fd00::2", netmask), "}")).kind);
}

TEST_CASE("a delegated prefix is refused, for nothing routes it to the VM")
{
    const auto with_prefix = [](std::string_view type, std::string_view ip, std::string_view prefix) {
        return refused(
            concat(R"({"o":{"type":"dynamic"},"n":{"type":")", type, R"(","ip":")", ip, R"(","netmask":")",
                   ip.find(':') == std::string_view::npos ? "255.255.255.0" : "ffff::", R"(","prefix":")",
                   prefix, "\"}}"));
    };
    for (const auto* type : {"manual", "vip"}) {
        for (const auto& [ip, prefix] : std::vector<std::pair<std::string, std::string>>{
                 {"10.0.0.16", "28"}, {"10.0.0.16", "128"}, {"fd00::1", "80"}, {"fd00::1", "32"}}) {
            const Caught error = with_prefix(type, ip, prefix);
            CHECK(error.kind == ErrorKind::not_supported);
            check_says(error.what, {"network 'n'", concat("prefix '", prefix, "'"), "delegated"});
        }
        for (const auto& [ip, prefix] : std::vector<std::pair<std::string, std::string>>{
                 {"10.0.0.16", "32"}, {"10.0.0.16", ""}, {"fd00::1", "128"}, {"fd00::1", ""}})
            CHECK_FALSE(with_prefix(type, ip, prefix).kind);
    }
}

TEST_CASE("a dynamic network needs no address")
{
    CHECK_FALSE(plan(R"({"n":{"type":"dynamic","ip":"10.0.0.2","netmask":"255.0.0.0","gateway":"10.0.0.1"}})")
                    .nics.at(0)
                    .subnets.size());
}

TEST_CASE("networks of one nic_group share a NIC and its MAC address")
{
    const NetworkPlan made = plan(
        concat(R"({"v4":)", manual("10.0.0.2", "255.255.255.0", R"(,"nic_group":"1","gateway":"10.0.0.1")"),
               R"(,"alone":{"type":"dynamic"},"v6":)",
               manual("FD00:0::2", "ffff::", R"(,"nic_group":"1","gateway":"fd00::1")"), "}"));
    REQUIRE(made.nics.size() == 2);
    const PlannedNic& shared = made.nics.at(0);
    CHECK(shared.nic.addresses == Addresses{"10.0.0.2", "fd00::2"});
    REQUIRE(shared.subnets.size() == 2);
    CHECK(shared.subnets.at(1).gateway == "fd00::1");
    CHECK(made.nics.at(1).nic.mac == stable_mac("vm-a", "alone"));
    const json::Document document = json::parse(made.settings.text, "the settings");
    for (const auto* name : {"v4", "v6"})
        CHECK(json::root(document).at(name).at("mac").string() == shared.nic.mac);
    CHECK(plan(R"({"a":{"type":"dynamic","nic_group":"1"},"b":{"type":"dynamic","nic_group":"2"}})")
              .nics.size() == 2);
}

TEST_CASE("a nic_group and a network of the same name have different MAC addresses")
{
    const auto nics = plan(R"({"1":{"type":"dynamic"},"b":{"type":"dynamic","nic_group":"1"}})").nics;
    CHECK(nics.at(0).nic.mac != nics.at(1).nic.mac);
}

TEST_CASE("networks of one nic_group may not contradict each other about their NIC")
{
    const auto group = [](std::string_view one, std::string_view other) {
        return concat(R"({"a":{"type":"dynamic","nic_group":"g","cloud_properties":)", one,
                      R"(},"b":{"type":"dynamic","nic_group":"g","cloud_properties":)", other, "}}");
    };
    const std::vector<std::pair<std::string, std::string>> contradictions{
        {R"({"network":"x"})", R"({"network":"y"})"},
        {R"({"network":"x"})", R"({"bridge":"x"})"},
        {R"({"mtu":1400})", R"({"mtu":1500})"},
        {R"({"vlan":1})", R"({"vlan":[1]})"},
        {R"({"model":"e1000"})", R"({"model":"virtio"})"},
        {R"({"nwfilter":"x"})", R"({"nwfilter":"y"})"},
        {R"({"mac":"52:54:00:00:00:01"})", R"({"mac":"52:54:00:00:00:02"})"},
        {R"({"bandwidth":{"inbound":1}})", R"({"bandwidth":{"inbound":2}})"}};
    for (const auto& contradiction : contradictions) {
        const auto& one = contradiction.first;
        const auto& other = contradiction.second;
        CAPTURE(one);
        const Caught error = refused(group(one, other));
        CHECK(error.kind == ErrorKind::cloud);
        check_says(error.what, {"network 'b'", "network 'a'", "nic_group 'g'", "contradict"});
        CHECK_FALSE(refused(group(one, one)).kind);
        CHECK_FALSE(refused(group(one, "{}")).kind);
        CHECK_FALSE(refused(group("null", other)).kind);
    }
    CHECK(plan(group("{}", R"({"mtu":1400})")).nics.at(0).nic.mtu == 1400);
}

TEST_CASE("a vip has no NIC of its own: its group's, the gateway's or the first one may use its address")
{
    const auto owner = [](std::string_view networks) {
        const auto nics = plan(networks).nics;
        for (std::size_t i = 0; i < nics.size(); ++i)
            if (nics.at(i).nic.addresses == Addresses{"1.2.3.4"})
                return i;
        return nics.size();
    };
    CHECK(owner(R"({"p":{"type":"vip","ip":"1.2.3.4"},"a":{"type":"dynamic"},"b":{"type":"dynamic"}})") == 0);
    CHECK(owner(R"({"a":{"type":"dynamic"},"b":{"type":"dynamic","default":["dns","gateway"]},)"
                R"("p":{"type":"vip","ip":"1.2.3.4"}})") == 1);
    CHECK(owner(R"({"a":{"type":"dynamic","default":["gateway"]},"b":{"type":"dynamic","nic_group":"g"},)"
                R"("p":{"type":"vip","ip":"1.2.3.4","nic_group":"g"}})") == 1);
}

TEST_CASE("a vip reaches the agent as it came")
{
    CHECK(plan(R"({"a":{"type":"dynamic"},"p":{"type":"vip","ip":"1.2.3.4","cloud_properties":{}}})")
              .settings.text.ends_with(R"("p":{"type":"vip","ip":"1.2.3.4","cloud_properties":{}}})"));
}

TEST_CASE("a vip that no NIC can have is refused")
{
    check_says(refused(R"({"p":{"type":"vip","ip":"1.2.3.4"}})").what,
               {"network 'p'", "needs a NIC", "Try: "});
    check_says(refused(R"({"p":{"type":"vip","ip":"1.2.3.4","nic_group":"g"},"a":{"type":"dynamic"}})").what,
               {"network 'p'", "nic_group 'g'"});
    check_says(refused(R"({"a":{"type":"dynamic"},"p":{"type":"vip"}})").what,
               {"network 'p': a vip network needs an IP address"});
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
    check(source(R"({"bridge":"br0","openvswitch":true})"), NicSource::Kind::openvswitch, "br0");
    check(source(R"({"bridge":"br0","openvswitch":false})"), NicSource::Kind::bridge, "br0");
    check(source(R"({"direct":"eth0"})"), NicSource::Kind::direct, "eth0");
    CHECK(source(R"({"direct":"eth0"})").mode == DirectMode::bridge);
    CHECK(source(R"({"direct":"eth0","direct_mode":"private"})").mode == DirectMode::isolated);
    CHECK(source(R"({"network":"n","portgroup":"p"})").portgroup == "p");
    check(source(R"({"type":"nat","name":"anything"})"), NicSource::Kind::nat, "");
    check(source(R"({"type":"NATnetwork","name":"n"})"), NicSource::Kind::nat_network, "n");
    check(source(R"({"type":"hostonly","name":"vboxnet0"})"), NicSource::Kind::host_only, "vboxnet0");
    check(source(R"({"type":"bridged","name":"eth0"})"), NicSource::Kind::bridge, "eth0");
    check(source(R"({"type":"bridged","bridge":"eth0"})"), NicSource::Kind::bridge, "eth0");
    check(source(R"({"type":"intnet","network":"n"})"), NicSource::Kind::internal, "n");
    check(source(R"({"type":"internal","network":"n"})"), NicSource::Kind::internal, "n");
}

TEST_CASE("a NIC has one place, and what belongs to a place goes with it")
{
    const std::vector<std::pair<std::string, std::vector<std::string>>> cases{
        {R"({"network":"one","bridge":"br0"})", {"'one'", "'br0'"}},
        {R"({"name":"one","bridge":"br0"})", {"'one'", "'br0'"}},
        {R"({"network":"one","direct":"eth0"})", {"'one'", "'eth0'"}},
        {R"({"bridge":"br0","direct":"eth0"})", {"'br0'", "'eth0'"}},
        {R"({"network":"one","openvswitch":true})", {"'openvswitch'", "'bridge'"}},
        {R"({"network":"one","direct_mode":"vepa"})", {"'direct_mode'", "'direct'"}},
        {R"({"bridge":"br0","portgroup":"p"})", {"'portgroup'", "'network'"}},
        {R"({"portgroup":"p"})", {"'portgroup'", "'network'"}},
        {R"({"type":"intnet"})", {"'type'", "'name'"}},
        {R"({"type":"bridged","name":"one","bridge":"br0"})", {"'one'", "'br0'"}},
        {R"({"type":"nat","bridge":"br0"})", {"NAT", "'br0'"}},
    };
    for (const auto& each : cases) {
        CAPTURE(each.first);
        const Caught error = refused_properties(each.first);
        CHECK(error.kind == ErrorKind::cloud);
        check_says(error.what, {"network 'n': "});
        for (const auto& word : each.second)
            check_says(error.what, {word});
    }
}

TEST_CASE("an alias stands for a place, and is not resolved twice")
{
    NetworkAliases aliases;
    aliases["nat"].network = "real";
    aliases["real"].network = "unreachable";
    aliases["ovs"].bridge = "br1";
    aliases["ovs"].openvswitch = true;
    CHECK(nic(R"({"network":"nat"})", aliases).source == NicSource{NicSource::Kind::network, "real"});
    CHECK(nic(R"({"name":"ovs"})", aliases).source == NicSource{NicSource::Kind::openvswitch, "br1"});
    CHECK(nic(R"({"network":"unknown"})", aliases).source == NicSource{NicSource::Kind::network, "unknown"});
    CHECK(nic(R"({"bridge":"nat"})", aliases).source == NicSource{NicSource::Kind::bridge, "nat"});
    CHECK(nic("{}", aliases).source == NicSource{NicSource::Kind::network, "default"});
    aliases["default"].direct = "eth0";
    CHECK(nic("{}", aliases).source == NicSource{NicSource::Kind::direct, "eth0"});
    check_says(caught([&] { return nic(R"({"network":"nat","portgroup":"p"})", aliases).mac; }).what,
               {"network 'n'", "'portgroup'", "network_aliases"});
}

TEST_CASE("a NIC is what cloud_properties say")
{
    const Nic plain = nic("{}");
    CHECK(plain.model == NicModel::virtio);
    CHECK_FALSE((plain.mtu || plain.vlan || plain.bandwidth));
    CHECK(plain.filter.empty());
    const Nic full =
        nic(R"({"mac":"52:54:00:AB:cd:01","mtu":1400,"model":"E1000e","vlan":[7,8],"nwfilter":"f",)"
            R"("bandwidth":{"inbound":{"average":1,"peak":2,"burst":3},"outbound":4}})");
    CHECK(full.mac == "52:54:00:ab:cd:01");
    CHECK(full.mtu == 1400);
    CHECK(full.model == NicModel::e1000e);
    CHECK(full.vlan == Vlan{{7, 8}, true});
    CHECK(full.filter == "f");
    CHECK(full.bandwidth == Bandwidth{Rate{1, 2, 3}, Rate{4}});
    CHECK(nic(R"({"vlan":7})").vlan == Vlan{{7}, false});
}

TEST_CASE("the settings tell the agent the MAC address that cloud_properties give")
{
    CHECK(plan(R"({"n":{"type":"dynamic","cloud_properties":{"mac":"52:54:00:AB:cd:01"}}})")
              .settings.text.ends_with(R"("mac":"52:54:00:ab:cd:01"}})"));
}

TEST_CASE("two NICs with the same MAC address are refused")
{
    const Caught error = refused(R"({"a":{"type":"dynamic","cloud_properties":{"mac":"52:54:00:00:00:01"}},)"
                                 R"("b":{"type":"dynamic","cloud_properties":{"mac":"52:54:00:00:00:01"}}})");
    check_says(error.what, {"network 'b'", "network 'a'", "52:54:00:00:00:01"});
}

TEST_CASE("what libvirt cannot do with a NIC is not_supported, and says what would work")
{
    const std::vector<std::pair<std::string, std::string>> cases{
        {R"({"direct":"eth0","nwfilter":"clean-traffic"})", "'direct'"},
        {R"({"bridge":"br0","openvswitch":true,"nwfilter":"clean-traffic"})", "Open vSwitch"},
        {R"({"direct":"eth0","vlan":5})", "passthrough"},
        {R"({"direct":"eth0","direct_mode":"vepa","vlan":5})", "passthrough"}};
    for (const auto& [properties, word] : cases) {
        const Caught error = refused_properties(properties);
        CHECK(error.kind == ErrorKind::not_supported);
        check_says(error.what, {"network 'n'", word, "Try: "});
    }
    for (const auto* properties :
         {R"({"direct":"eth0","direct_mode":"passthrough","vlan":5})", R"({"network":"n","vlan":5})",
          R"({"bridge":"br0","openvswitch":true,"vlan":[5,6]})", R"({"bridge":"br0","nwfilter":"x"})"})
        CHECK_FALSE(refused_properties(properties).kind);
}

TEST_CASE("a VLAN on a plain bridge takes a libvirt that can do it, which nothing else asks for")
{
    const auto requires_version = [](std::string_view properties, unsigned long version) {
        bool was_asked = false;
        const Caught error = caught([&] {
            require_vlan_support(
                plan(concat(R"({"n":{"type":"dynamic","cloud_properties":)", properties, "}}")), [&] {
                    was_asked = true;
                    return version;
                });
            return 0;
        });
        return std::pair{was_asked, error};
    };
    const auto [asked, error] = requires_version(R"({"bridge":"br0","vlan":5})", 10'010'000);
    CHECK(asked);
    CHECK(error.kind == ErrorKind::not_supported);
    check_says(error.what, {"bridge 'br0'", "11.0.0", "Try: "});
    CHECK_FALSE(requires_version(R"({"bridge":"br0","vlan":5})", 11'000'000).second.kind);
    for (const auto* properties : {R"({"bridge":"br0"})", R"({"bridge":"br0","openvswitch":true,"vlan":5})",
                                   R"({"network":"n","vlan":5})"})
        CHECK_FALSE(requires_version(properties, 0).first);
}

TEST_CASE("a DHCP reservation is for dynamic networks on libvirt networks, one for each VM and network")
{
    const std::string wish = R"("cloud_properties":{"dhcp_reservation":true})";
    CHECK(plan(concat(R"({"n":{"type":"dynamic",)", wish, "}}")).nics.at(0).wants_reservation);
    CHECK_FALSE(plan(R"({"n":{"type":"dynamic"}})").nics.at(0).wants_reservation);
    for (const auto* type : {"manual", "vip"})
        check_says(refused(concat(R"({"n":{"type":")", type, R"(","ip":"10.0.0.2","netmask":"255.0.0.0",)",
                                  wish, "}}"))
                       .what,
                   {"network 'n'", "dhcp_reservation", "dynamic"});
    check_says(refused_properties(R"({"bridge":"br0","dhcp_reservation":true})").what,
               {"network 'n'", "dhcp_reservation", "bridge 'br0'"});
    check_says(
        refused(concat(R"({"a":{"type":"dynamic",)", wish, R"(},"b":{"type":"dynamic",)", wish, "}}")).what,
        {"network 'b'", "network 'a'", "network 'default'"});
}

TEST_CASE("a filter that knows some addresses must know the one that DHCP gives")
{
    const auto with = [](std::string_view properties) {
        return refused(
            concat(R"({"p":{"type":"vip","ip":"1.2.3.4"},"n":{"type":"dynamic","cloud_properties":)",
                   properties, "}}"));
    };
    check_says(with(R"({"nwfilter":"clean-traffic"})").what,
               {"network 'n'", "nwfilter 'clean-traffic'", "Try: dhcp_reservation"});
    CHECK_FALSE(with(R"({"nwfilter":"clean-traffic","dhcp_reservation":true})").kind);
    CHECK_FALSE(with("{}").kind);
    CHECK_FALSE(refused_properties(R"({"nwfilter":"clean-traffic"})").kind);
}

TEST_CASE("a manual network's gateway is where its network could be made")
{
    const auto subnets =
        plan(R"({"n":{"ip":"10.0.0.2","netmask":"255.255.255.0","gateway":"10.0.0.1"}})").nics.at(0).subnets;
    REQUIRE(subnets.size() == 1);
    CHECK(subnets.front().gateway == "10.0.0.1");
    CHECK(subnets.front().netmask == "255.255.255.0");
    CHECK(plan(R"({"n":{"ip":"10.0.0.2","netmask":"255.255.255.0"}})").nics.at(0).subnets.empty());
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
        {R"({"n":{"default":"gateway"}})",
         "arguments[3].n.default: expected an array, got the string \"gateway\""},
        {R"({"n":{"cloud_properties":{"mtu":67}}})",
         "arguments[3].n.cloud_properties.mtu: expected a whole number from 68 to 65535, got the number 67"},
        {R"({"n":{"cloud_properties":{"model":"ne2k"}}})",
         "arguments[3].n.cloud_properties.model: expected one of virtio, e1000, e1000e, rtl8139, vmxnet3, "
         "got "
         "the string \"ne2k\""},
        {R"({"n":{"cloud_properties":{"direct_mode":"hub"}}})",
         "arguments[3].n.cloud_properties.direct_mode: expected one of bridge, vepa, private, passthrough, "
         "got "
         "the string \"hub\""},
        {R"({"n":{"cloud_properties":{"vlan":4095}}})",
         "arguments[3].n.cloud_properties.vlan: expected a whole number from 1 to 4094, got the number 4095"},
        {R"({"n":{"cloud_properties":{"vlan":[7,0]}}})",
         "arguments[3].n.cloud_properties.vlan[1]: expected a whole number from 1 to 4094, got the number 0"},
        {R"({"n":{"cloud_properties":{"vlan":[]}}})",
         "arguments[3].n.cloud_properties.vlan: expected a VLAN tag from 1 to 4094, or an array of different "
         "ones, got an array"},
        {R"({"n":{"cloud_properties":{"vlan":[7,7]}}})",
         "arguments[3].n.cloud_properties.vlan: expected a VLAN tag from 1 to 4094, or an array of different "
         "ones, got an array"},
        {R"({"n":{"cloud_properties":{"bandwidth":{"inbound":{"peak":5}}}}})",
         "arguments[3].n.cloud_properties.bandwidth.inbound.average: expected a whole number from 1 to "
         "2147483648, got nothing"},
        {R"({"n":{"cloud_properties":{"bandwidth":{"inbound":"fast"}}}})",
         "arguments[3].n.cloud_properties.bandwidth.inbound: expected an object, or a whole number from 1 to "
         "2147483648, got the string \"fast\""},
        {R"({"n":{"cloud_properties":{"bandwidth":{"up":5}}}})",
         "arguments[3].n.cloud_properties.bandwidth.up: no such key; the keys here are inbound, outbound"},
        {R"({"n":{"cloud_properties":{"dhcp_reservation":"yes"}}})",
         "arguments[3].n.cloud_properties.dhcp_reservation: expected true or false, got the string \"yes\""},
        {R"({"n":{"cloud_properties":{"brigde":"x"}}})",
         "arguments[3].n.cloud_properties.brigde: no such key; did you mean 'bridge'?"},
    };
    for (const auto& [networks, message] : cases) {
        const Caught error = refused(networks);
        CHECK(error.kind == ErrorKind::invalid_call);
        CHECK(error.what == message);
    }
}

TEST_CASE("a given MAC address is that of one station")
{
    for (const auto* mac :
         {"", "52:54:00:00:00", "52:54:00:00:00:0g", "52-54-00-00-00-01", "53:54:00:00:00:01",
          "00:00:00:00:00:00", "52:54:00:00:00:001", "ff:ff:ff:ff:ff:ff"}) {
        CAPTURE(mac);
        const Caught error = refused_properties(concat(R"({"mac":")", mac, "\"}"));
        CHECK(error.kind == ErrorKind::invalid_call);
        check_says(error.what,
                   {"arguments[3].n.cloud_properties.mac: expected a MAC address of one station"});
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

TEST_CASE("a NIC's addresses have their prefixes, and a gateway where the default route is to go")
{
    const auto settled = [](std::string_view networks) {
        std::string text;
        for (const PlannedNic& planned : plan(networks).nics)
            for (const NicAddress& address : planned.nic.settled)
                text += concat(address.ip, "/", address.prefix, " ", address.gateway, ";");
        return text;
    };
    constexpr std::string_view a =
        R"("a":{"type":"manual","ip":"10.0.0.5","netmask":"255.255.255.0","gateway":"10.0.0.1"})";
    CHECK(settled(concat("{", a, "}")) == "10.0.0.5/24 10.0.0.1;");
    CHECK(settled(concat("{", a,
                         R"(,"b":{"type":"manual","ip":"fd00::5","netmask":"ffff:ffff:ffff:ffff::",)"
                         R"("gateway":"fd00::1","default":["gateway"]}})")) ==
          "10.0.0.5/24 ;fd00::5/64 fd00::1;");
}

TEST_CASE("networks that the hypervisor sets up are left alone by the agent")
{
    NetworkPlan made = plan(
        R"({"m":{"type":"manual","ip":"10.0.0.5","netmask":"255.255.255.0","mac":"52:54:00:00:00:01"},)"
        R"("d":{"type":"dynamic","cloud_properties":{"network":"n"}},"v":{"type":"vip","ip":"1.2.3.4"}})",
        {}, NicsAreSetBy::hypervisor);
    REQUIRE(made.nics.size() == 2);
    CHECK_FALSE(made.nics[0].wants_reservation);
    CHECK(made.nics[1].wants_reservation);
    made.nics[1].reserved = NicAddress{"192.168.122.9", 24, "192.168.122.1"};
    const json::Verbatim settings = preconfigured(made);
    const json::Document document = json::parse(settings.text, "the settings");
    const json::Place root = json::root(document);
    CHECK(root.at("m").at("preconfigured").boolean());
    CHECK(root.at("d").at("preconfigured").boolean());
    CHECK(root.at("d").at("ip").string() == "192.168.122.9");
    CHECK(root.at("d").at("netmask").string() == "255.255.255.0");
    CHECK(root.at("d").at("gateway").string() == "192.168.122.1");
    CHECK(root.at("v").verbatim().text == R"({"type":"vip","ip":"1.2.3.4"})");
}

TEST_CASE("a dynamic network whose guest has no DHCP client needs a libvirt network")
{
    const Caught error = caught([] {
        return plan(R"({"d":{"type":"dynamic","cloud_properties":{"bridge":"br0"}}})", {},
                    NicsAreSetBy::hypervisor)
            .nics.size();
    });
    check_says(error.what, {"network 'd'", "bridge 'br0'", "a manual network"});
}

} // namespace cpi::test
