// Networks that the Director lets the CPI make: on real libvirt, with real VMs on them, and what may not
// happen to the networks of others.

#include "base/text.h"
#include "conformance/qemu_lab.h"
#include "network/existing_networks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace cpi::test {

namespace {

std::set<std::string> network_names()
{
    std::set<std::string> names;
    for (const std::string& line : split(virsh({"net-list", "--all", "--name"}), '\n'))
        if (!trim(line).empty())
            names.insert(trim(line));
    return names;
}

/// What create_network answered.
struct Made {
    std::string cid;
    std::string name;
    std::string range;
    std::string gateway;
    std::vector<std::string> reserved;
    std::string cloud_properties;
};

/// A CPI whose networks, and all others that a test makes in libvirt, are gone afterwards.
struct Networks {
    QemuCpi cpi;
    std::set<std::string> before = network_names();

    Networks() = default;
    Networks(const Networks&) = delete;
    Networks& operator=(const Networks&) = delete;
    ~Networks()
    {
        for (const std::string& name : added())
            for (const auto* command : {"net-destroy", "net-undefine"})
                static_cast<void>(run_program({"virsh", "-q", "-c", lab_uri(), command, name}));
    }

    [[nodiscard]] std::vector<std::string> added() const
    {
        std::vector<std::string> names;
        std::ranges::set_difference(network_names(), before, std::back_inserter(names));
        return names;
    }
    [[nodiscard]] Reply try_create(std::string_view definition) const
    {
        return cpi.call("create_network", concat("[", definition, "]"));
    }
    [[nodiscard]] Made create(std::string_view definition) const { return read(try_create(definition)); }
    [[nodiscard]] static Made read(const Reply& reply)
    {
        const auto items = reply.require_ok().result().items();
        Made made{items.at(0).string(),
                  items.at(2).at("network").string(),
                  items.at(1).at("range").string(),
                  items.at(1).at("gateway").string(),
                  {},
                  items.at(2).verbatim().text};
        for (const auto& item : items.at(1).at("reserved").items())
            made.reserved.push_back(item.string());
        return made;
    }
    [[nodiscard]] Reply remove(const std::string& cid) const
    {
        return cpi.call("delete_network", json_list({cid}));
    }
    /// What is left of networks in libvirt and in the store.
    [[nodiscard]] std::string traces() const
    {
        std::string all = join(added(), " ");
        for (const auto* kind : {"networks", ".in-progress"})
            if (std::filesystem::exists(cpi.store() / kind))
                for (const auto& entry : std::filesystem::directory_iterator{cpi.store() / kind})
                    if (entry.path().filename() != "lock")
                        all += concat(" ", kind, "/", entry.path().filename().native());
        return all;
    }
    void check_refused(std::string_view definition, std::initializer_list<std::string_view> parts) const
    {
        CAPTURE(definition);
        const std::string traces_before = traces();
        const Reply reply = try_create(definition);
        CHECK_FALSE(reply.ok());
        for (const auto part : parts) {
            CAPTURE(reply.message());
            CAPTURE(part);
            CHECK(reply.message().find(part) != std::string::npos);
        }
        CHECK(traces() == traces_before);
    }
};

std::string definition_of(const std::string& network)
{
    return virsh({"net-dumpxml", "--inactive", network});
}

void check_active(const std::string& network)
{
    const std::string info = virsh({"net-info", network});
    CAPTURE(info);
    CHECK(info.find("Active:         yes") != std::string::npos);
    CHECK(info.find("Autostart:      yes") != std::string::npos);
    CHECK(info.find("Persistent:     yes") != std::string::npos);
}

std::string manual_nic(std::string_view ip, const Made& made)
{
    return concat(R"({"net":{"type":"manual","ip":")", ip, R"(","netmask":"255.255.255.0","gateway":")",
                  made.gateway, R"(","default":["dns","gateway"],"cloud_properties":)", made.cloud_properties,
                  "}}");
}

std::string dynamic_nic(const Made& made)
{
    return concat(R"({"net":{"type":"dynamic","cloud_properties":)", made.cloud_properties, "}}");
}

bool answers_ping(std::string_view ip)
{
    return run_on_host({"ping", "-c1", "-W5", std::string{ip}}).status == 0;
}

/// A shell line that makes one call and prints its answer; `before` is put in front of the program.
std::string shell_call(const QemuCpi& cpi, std::string_view before, std::string_view method,
                       std::string_view arguments)
{
    const std::string request = concat(R"({"method":")", method, R"(","arguments":)", arguments,
                                       R"(,"context":{"director_uuid":"d"},"api_version":2})");
    return concat("echo ", shell_quote(request), " | ", before, " ", LIBVIRT_CPI_EXECUTABLE, " --config ",
                  (cpi.store().parent_path() / "cpi.json").native(), " 2>/dev/null");
}

Ran run_shell(const std::string& script)
{
    return run_program({"/bin/sh", "-c", script});
}

} // namespace

TEST_CASE_FIXTURE(Networks,
                  "a managed NAT network takes VMs with manual addresses and, by DHCP, with reserved ones")
{
    const Made made = create(R"({"type":"manual","range":"10.88.1.0/24","gateway":"10.88.1.1",)"
                             R"("cloud_properties":{"name":"lab-managed","bridge":"virbr-mgd","dhcp":true,)"
                             R"("domain":"managed.lab","mtu":1400}})");
    CHECK(made.cid == "net-lab-managed");
    CHECK(made.range == "10.88.1.0/24");
    CHECK(made.gateway == "10.88.1.1");
    CHECK(made.reserved == std::vector<std::string>{"10.88.1.223 - 10.88.1.254"});
    CHECK(made.cloud_properties == R"({"network":"lab-managed","mtu":1400})");
    check_active("lab-managed");
    const std::string xml = virsh({"net-dumpxml", "lab-managed"});
    for (const auto* part :
         {"<forward mode='nat'>", "<bridge name='virbr-mgd'", "<mtu size='1400'/>",
          "<domain name='managed.lab'/>", "<ip address='10.88.1.1' netmask='255.255.255.0'>",
          "<range start='10.88.1.223' end='10.88.1.254'/>"}) {
        CAPTURE(part);
        CHECK(xml.find(part) != std::string::npos);
    }

    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string manual = cpi.create_vm(stemcell, manual_nic("10.88.1.20", made));
    const std::string dynamic = cpi.create_vm(stemcell, dynamic_nic(made));
    CHECK(cpi.boot_report(manual).find("ip=10.88.1.20") != std::string::npos);
    CHECK(answers_ping("10.88.1.20"));
    const std::string leased =
        in_guest(dynamic, "ip -4 -o addr show eth0 | tr -s ' ' | cut -d' ' -f4 | cut -d/ -f1");
    const auto address = IpAddress::parse(leased);
    REQUIRE(address);
    const IpRange reserved{IpAddress::parse("10.88.1.223").value(), IpAddress::parse("10.88.1.254").value()};
    CHECK(reserved.contains(*address));
    CHECK(answers_ping(leased));

    // It stays as long as a VM has a NIC on it, running or not.
    static_cast<void>(virsh({"destroy", manual}));
    const Reply refused = remove(made.cid);
    CHECK(refused.error_type() == "Bosh::Clouds::CloudError");
    CHECK(refused.message().find(manual) != std::string::npos);
    CHECK(refused.message().find(dynamic) != std::string::npos);
    CHECK(cpi.call("delete_vm", json_list({dynamic})).ok());
    const Reply still = remove(made.cid);
    CHECK(still.message().find(manual) != std::string::npos);
    CHECK(still.message().find(dynamic) == std::string::npos);
    check_active("lab-managed");
    CHECK(cpi.call("delete_vm", json_list({manual})).ok());
    CHECK(remove(made.cid).require_ok().result().is_null());
    CHECK(traces().empty());
    CHECK(remove(made.cid).error_type() == "Bosh::Clouds::NetworkNotFound");
}

TEST_CASE_FIXTURE(Networks, "a network of which only the size is told gets a private range that is free")
{
    const Made first = create(R"({"type":"manual","netmask_bits":26,"cloud_properties":{}})");
    const Made second = create(R"({"type":"manual","netmask_bits":26,"cloud_properties":{"dhcp":true}})");
    const Cidr range = Cidr::parse(first.range).value();
    CHECK(range.prefix() == 26);
    CHECK_FALSE(range.overlaps(Cidr::parse(second.range).value()));
    CHECK(first.gateway == range.first().plus(1).text());
    CHECK(first.reserved.empty());
    CHECK(second.reserved.size() == 1);
    for (const Made& made : {first, second}) {
        CHECK(made.cid == concat("net-", made.name));
        check_active(made.name);
        CHECK(remove(made.cid).ok());
    }
    CHECK(traces().empty());
}

TEST_CASE_FIXTURE(Networks, "isolated, routed and open networks, and one for IPv6, are as libvirt knows them")
{
    struct Case {
        std::string_view properties;
        std::string_view range;
        std::vector<std::string_view> parts;
    };
    const std::vector<Case> cases{
        {R"({"forward_mode":"none"})", "10.88.2.0/24", {"<ip address='10.88.2.1' netmask='255.255.255.0'>"}},
        {R"({"forward_mode":"route","forward_dev":"lab-br0"})",
         "10.88.3.0/25",
         {"<forward dev='lab-br0' mode='route'>", "netmask='255.255.255.128'"}},
        {R"({"forward_mode":"open"})", "10.88.4.0/24", {"<forward mode='open'/>"}},
        {R"({"dhcp":true})",
         "fd00:88::/64",
         {"<nat ipv6='yes'", "<ip family='ipv6' address='fd00:88::1' prefix='64'>",
          "end='fd00:88::ffff:ffff:ffff:fffe'"}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.properties);
        const Made made = create(concat(R"({"type":"manual","range":")", one.range,
                                        R"(","cloud_properties":)", one.properties, "}"));
        check_active(made.name);
        const std::string xml = virsh({"net-dumpxml", made.name});
        CAPTURE(xml);
        for (const auto part : one.parts)
            CHECK(xml.find(part) != std::string::npos);
        CHECK((xml.find("<forward") == std::string::npos) == (one.range == "10.88.2.0/24"));
        CHECK(run_on_host({"ip", "-o", "addr"}).out.find(concat(" ", made.gateway, "/")) !=
              std::string::npos);
        CHECK(remove(made.cid).ok());
    }
    CHECK(traces().empty());
}

TEST_CASE_FIXTURE(Networks,
                  "a managed network on a bridge of the host takes VMs, and its end leaves the bridge")
{
    const Made made = create(R"({"type":"manual","range":"10.77.1.0/24","gateway":"10.77.1.1",)"
                             R"("cloud_properties":{"forward_mode":"bridge","bridge":"lab-br0"}})");
    check_active(made.name);
    CHECK(made.gateway == "10.77.1.1");
    CHECK(made.reserved.empty());
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string vm = cpi.create_vm(stemcell, manual_nic("10.77.1.60", made));
    CHECK(cpi.boot_report(vm).find("ip=10.77.1.60") != std::string::npos);
    CHECK(answers_ping("10.77.1.60"));
    CHECK(remove(made.cid).message().find(vm) != std::string::npos);
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(remove(made.cid).ok());
    CHECK(traces().empty());
    CHECK(run_on_host({"ip", "link", "show", "lab-br0"}).status == 0);
}

TEST_CASE_FIXTURE(Networks, "what is in the way of a network is named, and stays as it is")
{
    const std::string untouched = definition_of("default");
    check_refused(R"({"range":"10.88.5.0/24","cloud_properties":{"name":"default"}})",
                  {"'default'", "exists already"});
    check_refused(R"({"range":"10.88.5.0/24","cloud_properties":{"bridge":"virbr-two"}})",
                  {"'virbr-two'", "'lab-two'"});
    check_refused(R"({"range":"192.168.122.128/25","cloud_properties":{}})",
                  {"192.168.122.0/24", "'default'"});

    const Made made = create(R"({"range":"10.88.5.0/24","cloud_properties":{"name":"lab-first"}})");
    const std::string first = definition_of("lab-first");
    check_refused(R"({"range":"10.88.6.0/24","cloud_properties":{"name":"lab-first"}})", {"'lab-first'"});
    static_cast<void>(virsh({"net-destroy", "lab-first"}));
    check_refused(R"({"range":"10.88.0.0/16","cloud_properties":{}})", {"10.88.5.0/24", "'lab-first'"});
    // What the kernel knows and libvirt does not is libvirt's to say when the network starts.
    check_refused(R"({"range":"10.77.1.0/24","cloud_properties":{"name":"lab-taken"}})",
                  {"starting network 'lab-taken'", "libvirt says: ", "Try: virsh"});
    check_refused(R"({"range":"10.88.7.0/24","cloud_properties":{"bridge":"lab-br0"}})", {"lab-br0"});
    CHECK(definition_of("default") == untouched);
    CHECK(definition_of("lab-first") == first);
    CHECK(remove(made.cid).ok());
    CHECK(traces().empty());
}

TEST_CASE_FIXTURE(Networks, "only what the CPI made is deleted, also when somebody else took the name")
{
    for (const auto* cid : {"default", "net-default", "lab-two", "lock", "net-absent"}) {
        CAPTURE(cid);
        CHECK(remove(cid).error_type() == "Bosh::Clouds::NetworkNotFound");
    }
    CHECK(virsh({"net-info", "default"}).find("Active:         yes") != std::string::npos);

    const auto replaced = [&] {
        Made made = create(R"({"range":"10.88.8.0/24","cloud_properties":{"name":"lab-taken"}})");
        static_cast<void>(virsh({"net-destroy", "lab-taken"}));
        static_cast<void>(virsh({"net-undefine", "lab-taken"}));
        return made.cid;
    };
    CHECK(remove(replaced()).ok()); // gone from libvirt already
    CHECK(traces().empty());
    const std::string cid = replaced();
    const TempDir folder;
    static_cast<void>(virsh({"net-define", folder.write("net.xml", "<network><name>lab-taken</name>"
                                                                   "<bridge name='virbr-tkn'/></network>")}));
    CHECK(remove(cid).ok());
    CHECK(traces() == "lab-taken");
    CHECK(remove(cid).error_type() == "Bosh::Clouds::NetworkNotFound");
}

TEST_CASE_FIXTURE(Networks, "a network that libvirt lost can be made again under its name")
{
    const std::string definition = R"({"range":"10.88.9.0/24","cloud_properties":{"name":"lab-lost"}})";
    static_cast<void>(create(definition));
    static_cast<void>(virsh({"net-destroy", "lab-lost"}));
    static_cast<void>(virsh({"net-undefine", "lab-lost"}));
    const Made again = create(definition);
    check_active("lab-lost");
    CHECK(remove(again.cid).ok());
    CHECK(traces().empty());
}

TEST_CASE_FIXTURE(Networks, "of calls that make the same network at once one wins, and its network stays")
{
    const std::string definition = R"([{"range":"10.88.10.0/24","cloud_properties":{"name":"lab-race"}}])";
    std::string script;
    for (int i = 0; i < 4; ++i)
        script += concat("(", shell_call(cpi, "", "create_network", definition), "; echo) &\n");
    int won = 0;
    for (const std::string& line : split(run_shell(script + "wait").out, '\n'))
        if (!line.empty()) {
            CAPTURE(line);
            const bool ok = line.find(R"({"result":["net-lab-race")") != std::string::npos;
            CHECK((ok || line.find("exists already") != std::string::npos));
            won += ok ? 1 : 0;
        }
    CHECK(won == 1);
    check_active("lab-race");
    CHECK(traces() == "lab-race networks/net-lab-race");
    CHECK(remove("net-lab-race").ok());
}

TEST_CASE_FIXTURE(Networks, "calls that choose ranges at once choose different ones")
{
    // Names for which each call, by itself, would choose the same.
    const Cidr wanted = free_subnet(16, "lab-at-once", {});
    std::string script;
    for (int i = 0, found = 0; found < 3; ++i) {
        const std::string name = concat("lab-at-once-", i);
        if (free_subnet(16, name, {}) != wanted)
            continue;
        ++found;
        const std::string definition =
            concat(R"([{"netmask_bits":16,"cloud_properties":{"name":")", name, R"("}}])");
        script += concat("(", shell_call(cpi, "", "create_network", definition), "; echo) &\n");
    }
    std::vector<Cidr> ranges;
    for (const std::string& line : split(run_shell(script + "wait").out, '\n'))
        if (!line.empty()) {
            const Made made = read(Reply{Ran{0, line, {}}});
            const Cidr range = Cidr::parse(made.range).value();
            for (const Cidr& other : ranges)
                CHECK_FALSE(range.overlaps(other));
            ranges.push_back(range);
            CHECK(remove(made.cid).ok());
        }
    CHECK(ranges.size() == 3);
    CHECK(traces().empty());
}

TEST_CASE_FIXTURE(Networks, "create_network that is killed at any moment leaves nothing after the next one")
{
    const std::string definition =
        R"({"range":"10.88.11.0/24","cloud_properties":{"name":"lab-killed","dhcp":true}})";
    int killed = 0;
    for (int hundredths = 1; hundredths <= 40; hundredths += hundredths < 12 ? 1 : 4) {
        CAPTURE(hundredths);
        const Ran ran =
            run_shell(shell_call(cpi, concat("timeout -s KILL 0.", hundredths < 10 ? "0" : "", hundredths),
                                 "create_network", concat("[", definition, "]")));
        killed += ran.out.empty() ? 1 : 0;
        const Reply again = try_create(definition);
        // The call may have ended well before its answer was read.
        if (!again.ok())
            CHECK(again.message().find("exists already") != std::string::npos);
        check_active("lab-killed");
        CHECK(traces() == "lab-killed networks/net-lab-killed");
        CHECK(remove("net-lab-killed").ok());
        CHECK(traces().empty());
    }
    CHECK(killed > 4);
}

TEST_CASE_FIXTURE(Networks,
                  "what a killed create_network left is swept, but not what others then made of its name")
{
    const std::string mine = R"([{"range":"10.88.12.0/24","cloud_properties":{"name":"lab-swept"}}])";
    const std::string other = R"({"range":"10.88.13.0/24","cloud_properties":{"name":"lab-other"}})";
    const auto is_half_made = [&] {
        return traces().find(".in-progress/net-lab-swept") != std::string::npos;
    };
    const auto half_make = [&] {
        // From a complete one to one whose last step is missing.
        static_cast<void>(run_shell(shell_call(cpi, "", "create_network", mine)));
        static_cast<void>(run_program({"touch", (cpi.store() / ".in-progress" / "net-lab-swept").native()}));
        REQUIRE(is_half_made());
    };
    half_make();
    CHECK(remove(create(other).cid).ok());
    CHECK(traces().empty());

    half_make();
    static_cast<void>(virsh({"net-destroy", "lab-swept"}));
    static_cast<void>(virsh({"net-undefine", "lab-swept"}));
    const TempDir folder;
    static_cast<void>(virsh({"net-define", folder.write("net.xml", "<network><name>lab-swept</name>"
                                                                   "<bridge name='virbr-swp'/></network>")}));
    CHECK(remove(create(other).cid).ok());
    CHECK(traces() == "lab-swept");
}

TEST_CASE_FIXTURE(Networks, "create_network that is asked to end leaves nothing at once")
{
    const std::string definition = R"([{"range":"10.88.14.0/24","cloud_properties":{"name":"lab-ended"}}])";
    int ended = 0;
    for (const auto* seconds :
         {"0.02", "0.03", "0.04", "0.05", "0.06", "0.08", "0.1", "0.13", "0.16", "0.2"}) {
        CAPTURE(seconds);
        const Ran ran =
            run_shell(shell_call(cpi, concat("timeout -s TERM ", seconds), "create_network", definition));
        if (!ran.out.empty() && Reply{ran}.ok()) {
            CHECK(remove("net-lab-ended").ok());
        } else {
            ++ended;
            // Without a word it had not begun.
            CHECK((ran.out.empty() || ran.out.find("interrupted") != std::string::npos));
        }
        CHECK(traces().empty());
    }
    CHECK(ended > 1);
}

TEST_CASE_FIXTURE(Networks, "delete_network that is killed at any moment is done by the next one")
{
    const std::string definition = R"({"range":"10.88.15.0/24","cloud_properties":{"name":"lab-killed"}})";
    int killed = 0;
    for (int hundredths = 1; hundredths <= 30; hundredths += hundredths < 12 ? 1 : 4) {
        CAPTURE(hundredths);
        static_cast<void>(create(definition));
        const Ran ran =
            run_shell(shell_call(cpi, concat("timeout -s KILL 0.", hundredths < 10 ? "0" : "", hundredths),
                                 "delete_network", R"(["net-lab-killed"])"));
        killed += ran.out.empty() ? 1 : 0;
        const Reply again = remove("net-lab-killed");
        CHECK((again.ok() || again.error_type() == "Bosh::Clouds::NetworkNotFound"));
        CHECK(added().empty());
    }
    CHECK(killed > 3);
    CHECK(remove(create(definition).cid).ok()); // sweeps
    CHECK(traces().empty());
}

} // namespace cpi::test
