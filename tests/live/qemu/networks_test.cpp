// The NICs of VMs on real QEMU: what the guest sees of them, who can talk to whom, and who has which address.

#include "base/clock.h"
#include "base/text.h"
#include "conformance/qemu_lab.h"

#include <doctest/doctest.h>

#include <fstream>

namespace cpi::test {

namespace {

bool answers(const std::string& address, const std::vector<std::string>& more = {})
{
    std::vector<std::string> ping{"ping", "-c1", "-W2"};
    ping.insert(ping.end(), more.begin(), more.end());
    ping.push_back(address);
    return wait_until(Deadline{std::chrono::seconds{10}}, [&] { return run_on_host(ping).status == 0; });
}

bool is_silent(const std::string& address, const std::vector<std::string>& more = {})
{
    std::vector<std::string> ping{"ping", "-c2", "-W1"};
    ping.insert(ping.end(), more.begin(), more.end());
    ping.push_back(address);
    return run_on_host(ping).status != 0;
}

void on_host(const std::string& command)
{
    const Ran ran = run_on_host({"/bin/bash", "-c", command});
    if (ran.status != 0)
        throw std::runtime_error{concat(command, ": ", ran.err)};
}

/// Undoes on the lab's host what a test does there.
class OnHost : private Pinned {
public:
    OnHost(const std::string& command, std::string undo) : undo_{std::move(undo)} { on_host(command); }
    ~OnHost() { static_cast<void>(run_on_host({"/bin/bash", "-c", undo_})); }

private:
    std::string undo_;
};

/// A network of a type that needs no more than its cloud properties and these members.
std::string network(std::string_view members, std::string_view cloud_properties)
{
    return concat("{", members, R"(,"cloud_properties":)", cloud_properties, "}");
}

std::string manual(std::string_view ip, std::string_view cloud_properties, std::string_view more = {})
{
    const bool is_v6 = ip.find(':') != std::string_view::npos;
    return network(concat(R"("type":"manual","ip":")", ip, R"(","netmask":")",
                          is_v6 ? "ffff:ffff:ffff:ffff::" : "255.255.255.0", "\"", more),
                   cloud_properties);
}

std::string dynamic(std::string_view cloud_properties)
{
    return network(R"("type":"dynamic")", cloud_properties);
}

constexpr std::string_view plain = R"({"network":"default"})";

std::string only(const std::string& one)
{
    return concat(R"({"net":)", one, "}");
}

std::string cid_of(const Reply& created)
{
    return created.require_ok().result().items().front().string();
}

/// The line of a guest's report about the NIC with this MAC address.
std::string reported_nic(const std::string& report, std::string_view mac)
{
    for (const auto& line : split(report, '\n'))
        if (line.find(concat("mac=", mac, " ")) != std::string::npos)
            return trim(line);
    return concat("no NIC has the mac ", mac, ": ", report);
}

/// The guest's name of the NIC with this MAC address.
std::string guest_nic(const std::string& vm, std::string_view mac)
{
    return in_guest(vm, concat("grep -l ", mac, " /sys/class/net/eth*/address | cut -d/ -f5"));
}

/// The <host> entries of a libvirt network that have this text.
std::vector<std::string> reservations(const std::string& name, std::string_view text)
{
    std::vector<std::string> found;
    for (const auto* definition : {"--inactive", ""})
        for (const auto& line :
             split(virsh(*definition == '\0' ? std::vector<std::string>{"net-dumpxml", name}
                                             : std::vector<std::string>{"net-dumpxml", name, definition}),
                   '\n'))
            if (line.find("<host ") != std::string::npos && line.find(text) != std::string::npos)
                found.push_back(trim(line));
    return found;
}

std::string attribute(const std::string& xml, std::string_view name)
{
    const std::size_t start = xml.find(concat(name, "='")) + name.size() + 2;
    return xml.substr(start, xml.find('\'', start) - start);
}

/// Domain and files of a VM go without the CPI.
void remove_behind_its_back(const std::string& vm)
{
    static_cast<void>(virsh({"destroy", vm}));
    static_cast<void>(virsh({"undefine", "--nvram", vm}));
}

/// Seconds that the guest needs to receive this much from the host.
double seconds_to_receive(const std::string& vm, const std::string& address, std::size_t bytes)
{
    on_host(concat("(for i in $(seq 200); do if { exec 3<>/dev/tcp/", address,
                   "/9000; } 2>/dev/null; then break; fi; sleep 0.1; done; head -c ", bytes,
                   " /dev/zero >&3) >/dev/null 2>&1 </dev/null &"));
    const std::string script =
        concat("start=$(cut -d' ' -f1 /proc/uptime); nc -l -p 9000 </dev/null | wc -c; "
               "echo $start; cut -d' ' -f1 /proc/uptime");
    const auto lines = split(in_guest(vm, script), '\n');
    CHECK(lines.at(0) == std::to_string(bytes));
    return std::stod(lines.at(2)) - std::stod(lines.at(1));
}

} // namespace

TEST_CASE("NICs are in the order of the request, each with its address, and a nic_group's networks share one")
{
    const QemuCpi cpi{R"(,"network_aliases":{"lan":{"bridge":"lab-br0"}})"};
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const OnHost v6{"ip -6 addr add fd77:1::1/64 dev lab-br0 nodad",
                    "ip -6 addr del fd77:1::1/64 dev lab-br0"};
    const Reply created = cpi.try_create_vm(
        stemcell,
        concat(R"({"z4":)", manual("10.77.1.60", R"({"network":"lan"})", R"(,"nic_group":"g","prefix":"32")"),
               R"(,"m":)", dynamic(R"({"network":"lab-two","mac":"52:54:00:AA:BB:01","mtu":1400})"),
               R"(,"z6":)",
               manual("fd77:1::60", R"({"bridge":"lab-br0"})", R"(,"nic_group":"g","prefix":"128")"),
               R"(,"a":)", manual("192.168.122.140", R"({"network":"default","model":"e1000"})"), "}"));
    const std::string vm = cid_of(created);
    const json::Place networks = created.result().items().at(1);
    const auto mac = [&](std::string_view name) { return networks.at(name).at("mac").string(); };
    std::vector<std::string> order;
    for (const auto& [name, at] : networks.members())
        order.push_back(name);
    CHECK(join(order, " ") == "z4 m z6 a");
    CHECK(mac("z4") == mac("z6"));
    CHECK(mac("m") == "52:54:00:aa:bb:01");
    const std::string listed = virsh({"domiflist", vm});
    CHECK(listed.find(mac("z4")) < listed.find(mac("m")));
    CHECK(listed.find(mac("m")) < listed.find(mac("a")));
    CHECK(listed.find(mac("a")) != std::string::npos);

    const std::string report = cpi.boot_report(vm);
    CHECK(report.find("REPORT error") == std::string::npos);
    CHECK(reported_nic(report, mac("z4")).find("ip=10.77.1.60/24,fd77:1::60/64") != std::string::npos);
    CHECK(reported_nic(report, mac("m")).find("ip=10.77.2.") != std::string::npos);
    CHECK(reported_nic(report, mac("a")).find("ip=192.168.122.140/24") != std::string::npos);
    CHECK(guest_nic(vm, mac("z4")) < guest_nic(vm, mac("m")));
    CHECK(answers("10.77.1.60"));
    CHECK(answers("fd77:1::60"));
    CHECK(answers("192.168.122.140"));
    CHECK(in_guest(vm, concat("cat /sys/class/net/", guest_nic(vm, mac("m")), "/mtu")) == "1400");
    const auto driver = [&](std::string_view name) {
        return in_guest(
            vm, concat("basename $(readlink /sys/class/net/", guest_nic(vm, mac(name)), "/device/driver)"));
    };
    CHECK(driver("a") == "e1000");
    CHECK(driver("z4") == "virtio_net");
}

TEST_CASE("clean-traffic lets a VM use its addresses and its vip, and no other")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string filtered = R"({"network":"default","nwfilter":"clean-traffic"})";
    const OnHost route{"ip route add 198.51.100.0/24 dev virbr0", "ip route del 198.51.100.0/24 dev virbr0"};
    const std::string vm = cpi.create_vm(
        stemcell, concat(R"({"net":)", manual("192.168.122.141", filtered, R"(,"gateway":"192.168.122.1")"),
                         R"(,"public":{"type":"vip","ip":"198.51.100.7"}})"));
    static_cast<void>(cpi.boot_report(vm));
    static_cast<void>(
        in_guest(vm, "ip route add default via 192.168.122.1; ip addr add 198.51.100.7/32 dev eth0; "
                     "ip addr add 198.51.100.8/32 dev eth0"));
    CHECK(answers("192.168.122.141"));
    CHECK(answers("198.51.100.7"));
    CHECK(is_silent("198.51.100.8"));
    CHECK(in_guest(vm, "read-settings").find(R"("public":{"type":"vip","ip":"198.51.100.7"})") !=
          std::string::npos);

    const Reply stolen = cpi.try_create_vm(
        stemcell, concat(R"({"net":)", dynamic(plain), R"(,"public":{"type":"vip","ip":"198.51.100.7"}})"));
    CHECK(stolen.error_type() == "Bosh::Clouds::CloudError");
    CHECK(stolen.message().find(vm) != std::string::npos);
}

TEST_CASE("a VM with a DHCP reservation has that address, and gives it back")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string networks =
        only(dynamic(R"({"network":"lab-two","dhcp_reservation":true,"nwfilter":"clean-traffic"})"));
    const Reply created = cpi.try_create_vm(stemcell, networks);
    const std::string vm = cid_of(created);
    const std::string mac = created.result().items().at(1).at("net").at("mac").string();
    const auto entries = reservations("lab-two", vm);
    REQUIRE(entries.size() == 2); // as the network runs, and as it is defined
    const std::string ip = attribute(entries.front(), "ip");
    CHECK(attribute(entries.front(), "mac") == mac);
    CHECK(reported_nic(cpi.boot_report(vm), mac).find(concat("ip=", ip, "/24")) != std::string::npos);
    CHECK(answers(ip));
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(reservations("lab-two", "vm-").empty());
}

TEST_CASE("no DHCP reservation stays: not of a create_vm that fails, not of one that was killed, not of a VM "
          "that is gone")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string reserving =
        R"({"network":"lab-two","dhcp_reservation":true,"mac":"52:54:00:aa:bb:02"})";
    CHECK_FALSE(cpi.try_create_vm(stemcell, only(dynamic(reserving)),
                                  R"({"memory":900000000,"ephemeral_disk":64,"acceleration":"emulation"})")
                    .ok());
    CHECK(cpi.leftovers().empty());
    CHECK(reservations("lab-two", "vm-").empty());

    // What a killed call leaves: its mark, its folder, and the entry.
    const auto staging = cpi.store() / "vms" / ".new-vm-killed";
    std::filesystem::create_directories(staging);
    std::filesystem::create_directories(cpi.store() / ".in-progress");
    std::ofstream{cpi.store() / ".in-progress" / "vm-killed"} << "";
    std::ofstream{staging / "reservations"} << R"(["lab-two"])";
    static_cast<void>(
        virsh({"net-update", "lab-two", "add", "ip-dhcp-host",
               "<host mac='52:54:00:aa:bb:03' name='vm-killed' ip='10.77.2.90'/>", "--live", "--config"}));
    const std::string vm = cpi.create_vm(stemcell, only(dynamic(reserving)));
    CHECK(reservations("lab-two", "vm-killed").empty());

    // The next VM with that MAC address meets the entry of one that is gone.
    remove_behind_its_back(vm);
    CHECK(reservations("lab-two", vm).size() == 2);
    const std::string next = cpi.create_vm(stemcell, only(dynamic(reserving)));
    CHECK(reservations("lab-two", vm).empty());
    CHECK(reservations("lab-two", next).size() == 2);
    CHECK(cpi.call("delete_vm", json_list({next})).ok());
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(reservations("lab-two", "vm-").empty());

    const Reply on_bridge =
        cpi.try_create_vm(stemcell, only(dynamic(R"({"bridge":"lab-br0","dhcp_reservation":true})")));
    CHECK(on_bridge.message().find("bridge 'lab-br0'") != std::string::npos);
}

TEST_CASE("an address belongs to one VM at a time")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string networks = only(manual("192.168.122.142", plain));
    const std::string first = cpi.create_vm(stemcell, networks);
    const auto check_refused = [&](const std::string& wanted, const std::string& address) {
        const Reply reply = cpi.try_create_vm(stemcell, wanted);
        CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        for (const auto& word : {address, std::string{"network 'default'"}, first, std::string{"Try: "}}) {
            CAPTURE(reply.message());
            CHECK(reply.message().find(word) != std::string::npos);
        }
    };
    check_refused(networks, "192.168.122.142");
    check_refused(concat(R"({"net":)", dynamic(plain), R"(,"v":{"type":"vip","ip":"192.168.122.142"}})"),
                  "192.168.122.142");
    CHECK(virsh({"list", "--name"}).find(first) != std::string::npos);

    // Elsewhere it is another address.
    const std::string other =
        cpi.create_vm(stemcell, only(manual("192.168.122.142", R"({"network":"lab-two"})")));
    CHECK(cpi.call("delete_vm", json_list({other})).ok());

    // A recreate, also of a VM that went behind our back.
    CHECK(cpi.call("delete_vm", json_list({first})).ok());
    const std::string second = cpi.create_vm(stemcell, networks);
    remove_behind_its_back(second);
    const std::string given = R"({"network":"default","mac":"52:54:00:aa:bb:04"})";
    const std::string third = cpi.create_vm(stemcell, only(manual("192.168.122.142", given)));
    CHECK(cpi.try_create_vm(stemcell, only(dynamic(given))).message().find("52:54:00:aa:bb:04") !=
          std::string::npos);
    CHECK(cpi.call("delete_vm", json_list({third})).ok());
}

TEST_CASE("of calls at once that want the same address exactly one gets it")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    std::string script;
    for (int i = 0; i < 4; ++i)
        script += concat("( echo '{\"method\":\"create_vm\",\"arguments\":[\"agent-", i, "\",\"", stemcell,
                         "\",{\"memory\":128,\"ephemeral_disk\":64},", only(manual("192.168.122.143", plain)),
                         ",[],{}],\"context\":{\"director_uuid\":\"d\"},\"api_version\":2}' | ",
                         LIBVIRT_CPI_EXECUTABLE, " --config ",
                         (cpi.store().parent_path() / "cpi.json").native(), " 2>/dev/null ) &\n");
    const std::string out = run_program({"/bin/sh", "-c", script + "wait"}).out;
    const auto count = [&](std::string_view text) {
        std::size_t times = 0;
        for (std::size_t at = out.find(text); at != std::string::npos; at = out.find(text, at + 1))
            ++times;
        return times;
    };
    CAPTURE(out);
    CHECK(count(R"({"result":["vm-)") == 1);
    CHECK(count("address 192.168.122.143 on network 'default' is in use by VM vm-") == 3);
}

TEST_CASE("a NIC on an interface of the host, by macvtap")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const OnHost veth{
        "ip link add lab-mv0 type veth peer name lab-mv1 && ip addr add 10.77.3.1/24 dev lab-mv1 && "
        "ip link set lab-mv0 up && ip link set lab-mv1 up",
        "ip link del lab-mv0"};
    // No udev makes the device of a macvtap in the lab.
    on_host(
        "(for i in $(seq 500); do for tap in /sys/class/net/macvtap*/tap*; do [ -e $tap/dev ] && "
        "[ ! -e /dev/${tap##*/} ] && mknod /dev/${tap##*/} c $(tr : ' ' <$tap/dev); done; sleep 0.02; done) "
        ">/dev/null 2>&1 </dev/null &");
    const Reply created = cpi.try_create_vm(stemcell, only(manual("10.77.3.50", R"({"direct":"lab-mv0"})")));
    const std::string vm = cid_of(created);
    static_cast<void>(cpi.boot_report(vm));
    CHECK(answers("10.77.3.50"));
    CHECK(virsh({"dumpxml", vm}).find("dev='lab-mv0' mode='bridge'") != std::string::npos);
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
}

TEST_CASE("a VLAN of Open vSwitch separates, and a bandwidth limits what comes to the VM")
{
    const QemuCpi cpi{R"(,"network_aliases":{"switch":{"bridge":"lab-ovs","openvswitch":true}})"};
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const auto port = [](std::string_view tag, std::string_view address) {
        const std::string name = concat("lab-tag", tag);
        return concat("ovs-vsctl add-port lab-ovs ", name, " tag=", tag, " -- set interface ", name,
                      " type=internal && ip addr add ", address, "/24 dev ", name, " && ip link set ", name,
                      " up && ");
    };
    const OnHost ports{concat(port("4", "10.77.4.1"), port("5", "10.77.5.1"), port("6", "10.77.4.2"), "true"),
                       "for tag in 4 5 6; do ovs-vsctl del-port lab-tag$tag; done"};
    const std::string vm = cpi.create_vm(
        stemcell,
        concat(R"({"slow":)",
               manual("10.77.4.50",
                      R"({"network":"switch","vlan":4,"model":"e1000","bandwidth":{"inbound":256}})"),
               R"(,"fast":)",
               manual("10.77.5.50", R"({"bridge":"lab-ovs","openvswitch":true,"vlan":5,"model":"e1000"})"),
               "}"));
    static_cast<void>(cpi.boot_report(vm));
    CHECK(answers("10.77.4.50", {"-I", "lab-tag4"}));
    CHECK(answers("10.77.5.50", {"-I", "lab-tag5"}));
    CHECK(is_silent("10.77.4.50", {"-I", "lab-tag6"}));

    constexpr std::size_t bytes = 2 << 20U;
    const double fast = seconds_to_receive(vm, "10.77.5.50", bytes);
    const double slow = seconds_to_receive(vm, "10.77.4.50", bytes);
    CAPTURE(fast);
    CAPTURE(slow);
    CHECK(slow > 2 * fast);
    CHECK(slow > 6); // 2 MiB at 256 KiB/s
}

TEST_CASE("what libvirt or the kernel cannot do with a NIC is said, and nothing is left behind")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const auto check_refused = [&](std::string_view cloud_properties, std::string_view kind,
                                   const std::vector<std::string>& words) {
        CAPTURE(cloud_properties);
        const Reply reply =
            cpi.try_create_vm(stemcell, only(dynamic(cloud_properties)),
                              R"({"memory":128,"ephemeral_disk":64,"acceleration":"emulation"})");
        CAPTURE(reply.message());
        CHECK(reply.error_type() == kind);
        for (const auto& word : words)
            CHECK(reply.message().find(word) != std::string::npos);
        CHECK(cpi.leftovers().empty());
    };
    const std::string cloud_error = "Bosh::Clouds::CloudError";
    check_refused(R"({"bridge":"lab-br0","vlan":5})", "Bosh::Clouds::NotSupported",
                  {"libvirt 11.0.0", "Try: "});
    check_refused(R"({"network":"default","vlan":5})", cloud_error,
                  {"libvirt says: ", "vlan tag not supported"});
    check_refused(R"({"bridge":"lab-br0","nwfilter":"no-such-filter"})", cloud_error,
                  {"libvirt says: ", "no-such-filter"});
    check_refused(R"({"direct":"no-such-if"})", cloud_error, {"libvirt says: ", "no-such-if"});

    // Not every kernel has the parts of tc that limits on a plain bridge need.
    const Reply limited = cpi.try_create_vm(
        stemcell,
        only(dynamic(R"({"bridge":"lab-br0","bandwidth":{"outbound":{"average":128,"burst":64}}})")));
    if (limited.ok()) {
        CHECK(virsh({"dumpxml", cid_of(limited)}).find("<outbound average='128' burst='64'/>") !=
              std::string::npos);
    } else {
        CAPTURE(limited.message());
        CHECK(limited.message().find("starting VM vm-") != std::string::npos);
        CHECK(limited.message().find("libvirt says: ") != std::string::npos);
        CHECK(limited.message().find("tc ") != std::string::npos);
        CHECK(cpi.leftovers().empty());
    }
}

} // namespace cpi::test
