// What is particular to containers: looked at from the host and from inside.

#include "base/clock.h"
#include "base/text.h"
#include "conformance/lab.h"
#include "support/documents.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

namespace cpi::test {

namespace {

struct Fixture {
    Lab lab;
    LabCpi cpi{lab};

    [[nodiscard]] std::string disk_of(const std::string& vm)
    {
        std::string disk = cpi.cid("create_disk", concat("[64,{},", json_string(vm), "]"));
        CHECK(cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text() ==
              concat(R"({"path":"/warden-cpi-dev/)", disk, R"("})"));
        return disk;
    }
    /// Lets the container do something and waits until it has started anew. It is watched from outside: for
    /// whoever enters it while it ends, systemd may wait a minute and a half.
    void await_restart(const std::string& vm, const std::string& command)
    {
        const std::string before = virsh({"domid", vm});
        static_cast<void>(lab.in_guest(vm, command));
        constexpr std::chrono::seconds patience{60};
        CHECK(wait_until(Deadline{patience}, [&] {
            const std::string now = virsh({"domid", vm});
            return now != before && now != "-";
        }));
        static_cast<void>(cpi.report(vm));
    }
    [[nodiscard]] std::string virsh(std::vector<std::string> words)
    {
        const json::Document config = json::parse(lab.ask({"config"}), "the configuration");
        words.insert(words.begin(), {"virsh", "-q", "-c", json::root(config).at("uri").string()});
        return lab.on_host(words);
    }
    [[nodiscard]] bool has_mount(const std::string& path)
    {
        return lab.on_host({"cat", "/proc/self/mountinfo"}).find(concat(" ", path, " ")) != std::string::npos;
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture,
                  "a container has a root, a network and limits of its own, and a root that is small")
{
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const std::string vm = cpi.create_vm(stemcell, 160, R"({"cpus":1,"memory":128,"ephemeral_disk":32})");
    const std::string report = cpi.report(vm);
    CAPTURE(report);
    CHECK(report.find(" ip=192.168.122.160/24") != std::string::npos);
    CHECK(report.find("REPORT gateway=192.168.122.1 dev eth0") != std::string::npos);
    CHECK(report.find("REPORT dns=192.168.122.1") != std::string::npos);
    CHECK(report.find("REPORT ephemeral=/var/vcap/data") != std::string::npos);
    CHECK(lab.on_host({"ping", "-c1", "-W5", "192.168.122.160"}).find("1 received") != std::string::npos);
    CHECK(lab.in_guest(vm, "ls -d /proc/[0-9]*/root | wc -l") !=
          lab.on_host({"sh", "-c", "ls -d /proc/[0-9]*/root | wc -l"}));
    CHECK(lab.in_guest(vm, "cat /proc/sys/kernel/hostname") != "");
    CHECK(lab.in_guest(vm, "ip -o link | grep -c eth") == "1");
    CHECK(lab.in_guest(vm, "sed -n 's/^MemTotal: *//p' /proc/meminfo") == "131072 kB");
    CHECK(lab.in_guest(vm, "stat -c %a /var/vcap/bosh/warden-cpi-agent-env.json") == "600");
    // What differs from the stemcell's tree, and nothing else, is the VM's own.
    const std::string folder = concat(cpi.store(), "/vms/", vm, "/container");
    CHECK(std::stoi(lab.on_host({"du", "-sk", folder + "/upper"})) < 512);
    CHECK(lab.on_host({"stat", "-c", "%a", folder}) == "700");
}

TEST_CASE_FIXTURE(Fixture, "a root file system keeps owners, modes, capabilities, links and devices")
{
    const std::string stemcell = cpi.create_stemcell("warden-systemd");
    for (const auto* layering : {"overlay", "copy"}) {
        CAPTURE(layering);
        const std::string vm = cpi.create_vm(
            stemcell, 161,
            concat(R"({"memory":256,"ephemeral_disk":0,"root_filesystem":")", layering, R"("})"));
        const std::string root = concat(cpi.store(), "/vms/", vm, "/container/rootfs");
        const std::string programs = root + "/usr/local/bin";
        CHECK(lab.on_host({"getcap", programs + "/with-capability"}).find("cap_net_raw=ep") !=
              std::string::npos);
        CHECK(lab.on_host({"stat", "-c", "%a %u:%g", programs + "/with-setuid"}) == "6755 1:2");
        CHECK(lab.on_host({"stat", "-c", "%h", programs + "/with-second-name"}) == "2");
        CHECK(lab.on_host({"stat", "-c", "%F", root + "/etc/absolute-link"}) == "symbolic link");
        CHECK(lab.in_guest(vm, "test -c /dev/null && stat -c %a /") == "755");
        CHECK(cpi.call("delete_vm", json_list({vm})).ok());
        CHECK_FALSE(has_mount(root));
    }
}

TEST_CASE_FIXTURE(Fixture, "reboot_vm stops systemd and runit in good order, and disks are there again")
{
    struct Kind {
        const char* stemcell;
        const char* service; // one that notes that it was asked to stop
    };
    const std::array kinds{
        Kind{"warden-systemd", "systemd-run --quiet -p ExecStop='/bin/touch /root/in-order' sleep 100000"},
        Kind{"warden-runit",
             "mkdir -p /etc/sv/noting && printf '#!/bin/sh\\ntrap \"touch /root/in-order; exit\" TERM\\n"
             "while :; do sleep 0.2; done\\n' >/etc/sv/noting/run && chmod 755 /etc/sv/noting/run && "
             "ln -s /etc/sv/noting /etc/service/noting && for i in 1 2 3 4 5 6 7 8 9; do sleep 1; "
             "sv status noting && break; done"}};
    for (const Kind& kind : kinds) {
        CAPTURE(kind.stemcell);
        const std::string vm = cpi.create_vm(cpi.create_stemcell(kind.stemcell), 162);
        const std::string disk = disk_of(vm);
        static_cast<void>(lab.in_guest(
            vm, concat("echo kept >/warden-cpi-dev/", disk, "/marker; touch /run/before; ", kind.service)));
        CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
        static_cast<void>(cpi.report(vm));
        CHECK(lab.in_guest(vm, "test -e /root/in-order && echo yes") == "yes");
        CHECK(lab.in_guest(vm, concat("cat /warden-cpi-dev/", disk, "/marker")) == "kept");
        CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    }
}

TEST_CASE_FIXTURE(Fixture, "a container that reboots itself has its disks, those that came while it ran too")
{
    const std::string vm = cpi.create_vm(cpi.create_stemcell("warden-systemd"), 163);
    const std::string disk = disk_of(vm);
    static_cast<void>(lab.in_guest(vm, concat("echo kept >/warden-cpi-dev/", disk, "/marker")));
    await_restart(vm, "systemctl --no-block reboot");
    CHECK(lab.in_guest(vm, concat("cat /warden-cpi-dev/", disk, "/marker")) == "kept");
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());
    await_restart(vm, "systemctl --no-block reboot");
    CHECK(lab.in_guest(vm, "ls /warden-cpi-dev") == "");
}

TEST_CASE_FIXTURE(
    Fixture, "a disk of a container that is off is still its own, and is copied and let go in good order")
{
    const std::string vm = cpi.create_vm(cpi.create_stemcell("warden-runit"), 173);
    const std::string disk = disk_of(vm);
    static_cast<void>(lab.in_guest(vm, concat("echo kept >/warden-cpi-dev/", disk, "/marker")));
    static_cast<void>(virsh({"destroy", vm}));
    CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",128]")).message().find("is mounted for") !=
          std::string::npos);
    const std::string snapshot = cpi.cid("snapshot_disk", concat("[", json_string(disk), ",{}]"));
    CHECK(lab.try_on_host({"e2fsck", "-fn", concat(cpi.store(), "/snapshots/", snapshot, "/disk.raw")})
              .status == 0);
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());
    CHECK_FALSE(has_mount(concat("/run/libvirt-cpi/", vm, "/disks/", disk)));
    CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",128]")).ok());
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).ok());
    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    static_cast<void>(cpi.report(vm));
    CHECK(lab.in_guest(vm, concat("cat /warden-cpi-dev/", disk, "/marker")) == "kept");
}

TEST_CASE_FIXTURE(Fixture, "after the host was restarted reboot_vm brings a container back with its disks")
{
    const std::string vm = cpi.create_vm(cpi.create_stemcell("warden-runit"), 164);
    const std::string disk = disk_of(vm);
    static_cast<void>(
        lab.in_guest(vm, concat("echo kept | tee /warden-cpi-dev/", disk, "/marker >/root/marker")));
    // What a restart leaves: definitions and files, no process, no mount, no loop device.
    static_cast<void>(virsh({"destroy", vm}));
    static_cast<void>(
        lab.on_host({"umount", "--recursive", concat(cpi.store(), "/vms/", vm, "/container/rootfs"),
                     concat("/run/libvirt-cpi/", vm)}));
    CHECK(lab.try_on_host({"losetup", "-a"}).out.find(disk) == std::string::npos);
    CHECK(cpi.call("has_vm", json_list({vm})).require_ok().result_text() == "true");
    CHECK_THROWS_WITH_AS(static_cast<void>(virsh({"start", vm})),
                         doctest::Contains("No such file or directory"), std::runtime_error);

    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    static_cast<void>(cpi.report(vm));
    CHECK(lab.in_guest(vm, "cat /root/marker") == "kept");
    CHECK(lab.in_guest(vm, concat("cat /warden-cpi-dev/", disk, "/marker")) == "kept");
}

TEST_CASE_FIXTURE(Fixture, "libvirt's hook mounts what a container has, or keeps it off")
{
    const std::string vm = cpi.create_vm(cpi.create_stemcell("warden-runit"), 174);
    const std::string disk = disk_of(vm);
    static_cast<void>(lab.in_guest(vm, concat("echo kept >/warden-cpi-dev/", disk, "/marker")));
    static_cast<void>(lab.on_host({"sh", "-c", restart_commands("/hooks/lxc.d/")}));
    const std::string hook = "/etc/libvirt/hooks/lxc.d/libvirt-cpi";
    const auto call = [&](const std::string& name, const std::string& operation) {
        return lab.try_on_host({hook, name, operation, "begin", "-"}, virsh({"dumpxml", "--inactive", vm}));
    };
    const auto stop = [&] {
        static_cast<void>(virsh({"destroy", vm}));
        static_cast<void>(
            lab.on_host({"umount", "--recursive", concat(cpi.store(), "/vms/", vm, "/container/rootfs"),
                         concat("/run/libvirt-cpi/", vm)}));
    };
    const std::string disk_on_host = concat("/run/libvirt-cpi/", vm, "/disks/", disk);
    stop();
    for (const auto& [name, operation] :
         {std::pair{vm, "release"}, std::pair{std::string{"other"}, "prepare"}}) {
        CHECK(call(name, operation).status == 0);
        CHECK_FALSE(has_mount(disk_on_host));
    }
    for (const bool again : {false, true}) {
        CAPTURE(again);
        const Ran ran = call(vm, "prepare");
        CHECK_MESSAGE(ran.status == 0, ran.err);
        CHECK(has_mount(disk_on_host));
    }
    static_cast<void>(virsh({"start", vm}));
    static_cast<void>(cpi.report(vm));
    CHECK(lab.in_guest(vm, concat("cat /warden-cpi-dev/", disk, "/marker")) == "kept");
    CHECK(lab.in_guest(vm, "grep -c ' /var/vcap/data ext4 ' /proc/mounts") == "1");

    stop();
    const std::string place = cpi.folder() + "/somewhere";
    static_cast<void>(lab.on_host({"mkdir", place}));
    static_cast<void>(
        lab.on_host({"mount", "-o", "loop", concat(cpi.store(), "/disks/", disk, "/disk.raw"), place}));
    const Ran refused = call(vm, "prepare");
    CHECK(refused.status != 0);
    CHECK(refused.err.find("is in use") != std::string::npos);
    static_cast<void>(lab.on_host({"umount", place}));
    static_cast<void>(lab.on_host({"rm", hook}));
}

TEST_CASE_FIXTURE(
    Fixture, "a disk that the container still uses is not detached, one that somebody has is not attached")
{
    const std::string vm = cpi.create_vm(cpi.create_stemcell("warden-runit"), 165);
    const std::string disk = disk_of(vm);
    static_cast<void>(
        lab.in_guest(vm, concat("mkdir -p /mnt && mount --bind /warden-cpi-dev/", disk, " /mnt")));
    const Reply busy = cpi.call("detach_disk", json_list({vm, disk}));
    CHECK(busy.error_type() == "Bosh::Clouds::CloudError");
    CHECK(busy.message().find("mounted on /mnt") != std::string::npos);
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == json_list({disk}));
    static_cast<void>(lab.in_guest(vm, "umount /mnt"));
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());

    const std::string image = concat(cpi.store(), "/disks/", disk, "/disk.raw");
    const std::string place = cpi.folder() + "/somewhere";
    static_cast<void>(lab.on_host({"mkdir", place}));
    static_cast<void>(lab.on_host({"mount", "-o", "loop", image, place}));
    const Reply taken = cpi.call("attach_disk", json_list({vm, disk}));
    CHECK(taken.error_type() == "Bosh::Clouds::CloudError");
    CHECK(taken.message().find("still mounted") != std::string::npos);
    static_cast<void>(lab.on_host({"umount", place}));
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).ok());
}

TEST_CASE_FIXTURE(Fixture,
                  "what a killed call began with a disk the next one ends, and the disk goes to another VM")
{
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const std::string vm = cpi.create_vm(stemcell, 171);
    const std::string disk = disk_of(vm);
    const std::string inside = "/warden-cpi-dev/" + disk;
    const std::string on_host = concat("/run/libvirt-cpi/", vm, "/disks/", disk);
    // The processes that watch over other containers see what was mounted on the host when they started.
    const std::string other = cpi.create_vm(stemcell, 172);
    static_cast<void>(lab.in_guest(vm, concat("echo kept >", inside, "/marker")));
    const auto attach_to = [&](const std::string& to) {
        CHECK(cpi.call("attach_disk", json_list({to, disk})).ok());
        CHECK(lab.in_guest(to, concat("cat ", inside, "/marker")) == "kept");
    };

    static_cast<void>(lab.in_guest(vm, "umount " + inside));
    attach_to(vm);
    static_cast<void>(lab.in_guest(vm, "umount " + inside));
    static_cast<void>(lab.on_host({"umount", on_host}));
    attach_to(vm);
    static_cast<void>(lab.in_guest(vm, "umount " + inside));
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());
    CHECK_FALSE(has_mount(on_host));
    attach_to(other);
    CHECK(lab.in_guest(vm, "ls /warden-cpi-dev") == "");
}

TEST_CASE_FIXTURE(Fixture, "a container on a dynamic network has an address of the network's DHCP range")
{
    constexpr std::string_view network =
        R"({"type":"dynamic","cloud_properties":{"network":"lab-two"},"default":["gateway","dns"]})";
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const Reply created = cpi.try_create_vm(stemcell, 166, LabCpi::small_vm, network);
    const auto parts = created.require_ok().result().items();
    const std::string vm = parts[0].string();
    const std::string ip = parts[1].at("net").at("ip").string();
    CHECK(parts[1].at("net").at("preconfigured").boolean());
    CHECK(parts[1].at("net").at("netmask").string() == "255.255.255.0");
    CHECK(cpi.report(vm).find(concat(" ip=", ip, "/24")) != std::string::npos);
    CHECK(virsh({"net-dumpxml", "lab-two"}).find(vm) != std::string::npos);
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(virsh({"net-dumpxml", "lab-two"}).find(vm) == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a container's NIC is bound by the filter that is asked for")
{
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const std::string vm = cpi.create_vm(
        stemcell, 167, LabCpi::small_vm,
        R"({"type":"manual","ip":"192.168.122.167","netmask":"255.255.255.0","gateway":"192.168.122.1",)"
        R"("cloud_properties":{"network":"default","nwfilter":"clean-traffic"}})");
    CHECK(lab.try_on_host({"ping", "-c1", "-W5", "192.168.122.167"}).status == 0);
    static_cast<void>(lab.in_guest(vm, "ip addr add 192.168.122.168/24 dev eth0"));
    CHECK(lab.try_on_host({"ping", "-c1", "-W3", "192.168.122.168"}).status != 0);
}

TEST_CASE_FIXTURE(Fixture, "a container's NIC is on a bridge of Open vSwitch, with a VLAN or by a port group")
{
    const auto at = [](std::string_view number, std::string_view cloud_properties) {
        return concat(R"({"type":"manual","ip":"10.77.6.)", number,
                      R"(","netmask":"255.255.255.0","gateway":"10.77.6.1","cloud_properties":)",
                      cloud_properties, "}");
    };
    const auto on_host = [&](const std::string& script) { return lab.on_host({"sh", "-c", script}); };
    const std::string definition = cpi.folder() + "/switch.xml";
    static_cast<void>(
        lab.on_host({"tee", definition},
                    "<network><name>lab-switch</name><forward mode='bridge'/><bridge name='lab-ovs'/>"
                    "<virtualport type='openvswitch'/><portgroup name='seven'><vlan><tag id='7'/>"
                    "</vlan></portgroup></network>"));
    static_cast<void>(virsh({"net-create", definition}));
    static_cast<void>(
        on_host("for tag in 7 8; do ovs-vsctl add-port lab-ovs lab-lxc$tag tag=$tag -- set interface "
                "lab-lxc$tag type=internal && ip link set lab-lxc$tag up; done; "
                "ip addr add 10.77.6.1/24 dev lab-lxc7; ip addr add 10.77.6.2/24 dev lab-lxc8"));
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const auto made = [&](std::string_view number, std::string_view cloud_properties) {
        return cpi.create_vm(stemcell, 0, LabCpi::small_vm, at(number, cloud_properties));
    };
    static_cast<void>(made("10", R"({"bridge":"lab-ovs","openvswitch":true,"vlan":7})"));
    static_cast<void>(made("11", R"({"network":"lab-switch","portgroup":"seven"})"));
    static_cast<void>(made("12", R"({"bridge":"lab-ovs","openvswitch":true,"vlan":8})"));
    const auto answers = [&](const std::string& ip, const std::string& from) {
        return lab.try_on_host({"ping", "-q", "-c1", "-W3", "-I", from, ip}).status == 0;
    };
    CHECK(answers("10.77.6.10", "lab-lxc7"));
    CHECK(answers("10.77.6.11", "lab-lxc7"));
    CHECK(answers("10.77.6.12", "lab-lxc8"));
    CHECK_FALSE(answers("10.77.6.12", "lab-lxc7"));
    CHECK_FALSE(answers("10.77.6.10", "lab-lxc8"));
    static_cast<void>(virsh({"net-destroy", "lab-switch"}));
    static_cast<void>(on_host("for tag in 7 8; do ovs-vsctl del-port lab-lxc$tag; done"));
}

TEST_CASE_FIXTURE(Fixture, "a container's NIC is on an interface of the host, in each mode")
{
    const std::string stemcell = cpi.create_stemcell("warden-systemd");
    static_cast<void>(
        lab.on_host({"sh", "-c",
                     "ip link add lab-mc0 type veth peer name lab-mc1 && ip addr add 10.77.7.1/24 dev "
                     "lab-mc1 && ip link set lab-mc0 up && ip link set lab-mc1 up"}));
    int number = 10; // of its own each time: the host keeps in mind whose an address is
    for (const std::string mode : {"bridge", "vepa", "private", "passthrough"}) {
        CAPTURE(mode);
        const std::string ip = concat("10.77.7.", number++);
        const std::string vm = cpi.create_vm(
            stemcell, 0, LabCpi::small_vm,
            concat(R"({"type":"manual","ip":")", ip, R"(","netmask":"255.255.255.0",)",
                   R"("gateway":"10.77.7.1","cloud_properties":{"direct":"lab-mc0","direct_mode":")", mode,
                   R"("}})"));
        CHECK(lab.in_guest(vm, "ip -d -o link show eth0").find("macvlan mode " + mode.substr(0, 6)) !=
              std::string::npos);
        CHECK(lab.try_on_host({"ping", "-q", "-c1", "-W5", ip}).status == 0);
        CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    }
    static_cast<void>(lab.on_host({"ip", "link", "del", "lab-mc0"}));
}

TEST_CASE_FIXTURE(
    Fixture, "a container's bandwidth is limited, or the kernel lacks what that takes; an mtu is refused")
{
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const auto try_with = [&](std::string_view property) {
        return cpi.try_create_vm(
            stemcell, 0, LabCpi::small_vm,
            concat(
                R"({"type":"manual","ip":"192.168.122.172","netmask":"255.255.255.0","gateway":"192.168.122.1",)",
                R"("cloud_properties":{"network":"default",)", property, "}}"));
    };
    const Reply limited = try_with(R"("bandwidth":{"inbound":256})");
    if (limited.ok()) {
        const std::string vm = limited.result().items().front().string();
        CHECK(lab.on_host({"sh", "-c", "for i in $(ls /sys/class/net); do tc class show dev $i; done"})
                  .find("rate 2097Kbit") != std::string::npos);
    } else {
        CHECK_MESSAGE(limited.message().find("tc qdisc add") != std::string::npos, limited.message());
    }
    const Reply refused = try_with(R"("mtu":1400)");
    CHECK(refused.error_type() == "Bosh::Clouds::NotSupported");
    CHECK(refused.message().find("'mtu' is not possible on lxc: libvirt's lxc driver does not set it") !=
          std::string::npos);
    const Reply managed =
        cpi.call("create_network", R"([{"type":"manual","range":"10.77.9.0/24",)"
                                   R"("gateway":"10.77.9.1","cloud_properties":{"mtu":1400}}])");
    CHECK(managed.error_type() == "Bosh::Clouds::NotSupported");
    CHECK(cpi.names_in("vms").size() == (limited.ok() ? 1U : 0U));
}

TEST_CASE_FIXTURE(Fixture, "a create_vm that is killed leaves no mount, no loop device and no container")
{
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const std::string request = concat(R"({"method":"create_vm","arguments":["a",)", json_string(stemcell),
                                       ",", LabCpi::small_vm, R"(,{"net":)", lab.ask({"network", "169"}),
                                       R"(},[],{}],"context":{"director_uuid":"d"},"api_version":2})");
    for (const auto* moment : {"0.05", "0.15", "0.25", "0.35", "0.5", "0.7"})
        static_cast<void>(lab.try_on_host({"timeout", "-s", "KILL", moment, cpi.folder() + "/libvirt_cpi",
                                           "--config", cpi.folder() + "/cpi.json"},
                                          request));
    const std::string vm = cpi.create_vm(stemcell, 171);
    for (const auto& left : cpi.names_in("vms")) {
        CAPTURE(left);
        if (left != vm) // one that was finished before its time came, and has its address
            CHECK(cpi.call("delete_vm", json_list({left})).ok());
    }
    CHECK(cpi.names_in(".in-progress").empty());
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(lab.on_host({"cat", "/proc/self/mountinfo"}).find(cpi.store()) == std::string::npos);
    CHECK(lab.try_on_host({"losetup", "-a"}).out.find(cpi.store()) == std::string::npos);
    CHECK(virsh({"list", "--all", "--name"}).find("vm-") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a stemcell's root file system stays as long as a container needs it")
{
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const std::string vm = cpi.create_vm(stemcell, 170);
    CHECK(cpi.call("delete_stemcell", json_list({stemcell})).ok());
    CHECK(cpi.names_in("trees").size() == 2); // the lock, and the tree
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(cpi.names_in("trees").size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "who may not talk to libvirt is told which group that takes")
{
    const Reply reply{lab.try_on_host(
        {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", cpi.folder() + "/libvirt_cpi",
         "--config", cpi.folder() + "/cpi.json"},
        R"({"method":"has_vm","arguments":["vm-a"],"context":{"director_uuid":"d"},"api_version":2})")};
    CHECK(reply.message().find("Permission denied") != std::string::npos);
    CHECK(reply.message().find("add the CPI's user to the group libvirt") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "what a container cannot have is refused, and what is no root file system too")
{
    const auto refusal = [&](std::string_view method, std::string_view arguments) {
        const Reply reply = cpi.call(method, arguments);
        return concat(reply.error_type(), ": ", reply.message());
    };
    CHECK(refusal("create_disk", R"([64,{"encryption":"luks"}])")
              .find("NotSupported: cloud properties of the disk: 'encryption' is not possible on lxc") !=
          std::string::npos);
    CHECK(refusal("create_disk", R"([64,{"format":"qcow2"}])").find("NotSupported: 'format' qcow2") !=
          std::string::npos);
    const std::string image = cpi.folder() + "/image";
    for (const auto* packing : {"-cf", "-czf"}) {
        static_cast<void>(lab.on_host({"tar", packing, image, "-C", "/etc", "hostname", "services"}));
        CHECK(refusal("create_stemcell", concat("[", json_string(image), ",{}]"))
                  .find("is not a root file system") != std::string::npos);
    }
    static_cast<void>(lab.on_host({"truncate", "-s", "-9", image}));
    CHECK(
        refusal("create_stemcell", concat("[", json_string(image), ",{}]")).find("unexpected end of file") !=
        std::string::npos);
    CHECK(refusal("create_stemcell", concat("[", json_string(image), R"(,{"infrastructure":"openstack"}])"))
              .find("NotSupported") != std::string::npos);
    CHECK(cpi.names_in("stemcells").empty());
    CHECK(cpi.names_in("trees").empty());
}

} // namespace cpi::test
