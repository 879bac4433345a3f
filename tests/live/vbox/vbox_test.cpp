// What is particular to VirtualBox, on a real one. Guests do not get far there: they are looked at from
// outside.

#include "base/clock.h"
#include "base/text.h"
#include "conformance/lab.h"
#include "vbox/vbox.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace cpi::test {

namespace {

constexpr std::string_view enabling = R"(,"auto_enable_networks":true)";

struct Fixture {
    Lab lab;
    LabCpi cpi{lab, enabling};
    std::string stemcell = cpi.create_stemcell();

    [[nodiscard]] std::string vbox(std::vector<std::string> words) const
    {
        words.insert(words.begin(), {"env", "LC_ALL=C.UTF-8", "/usr/lib/virtualbox/VBoxManage"});
        return lab.on_host(words);
    }
    [[nodiscard]] static std::string uuid(const std::string& vm) { return vbox::uuid_of(VmCid{vm}); }
    [[nodiscard]] std::string settings_of(const std::string& vm) const
    {
        return vbox({"showvminfo", uuid(vm), "--machinereadable"});
    }
    [[nodiscard]] std::string state_of(const std::string& vm) const
    {
        return vbox::read_info(settings_of(vm)).state;
    }
    [[nodiscard]] bool knows(const std::string& list, const std::string& text) const
    {
        return vbox({"list", list}).find(text) != std::string::npos;
    }
    [[nodiscard]] std::string disk() { return cpi.cid("create_disk", "[64,{}]"); }
    [[nodiscard]] Reply attach(const std::string& vm, const std::string& disk)
    {
        return cpi.call("attach_disk", json_list({vm, disk}));
    }
    [[nodiscard]] Reply detach(const std::string& vm, const std::string& disk)
    {
        return cpi.call("detach_disk", json_list({vm, disk}));
    }
    void stop(const std::string& vm, const char* how) const
    {
        static_cast<void>(vbox({"controlvm", uuid(vm), how}));
        constexpr std::chrono::seconds patience{30};
        REQUIRE(wait_until(Deadline{patience}, [&] { return state_of(vm) != "running"; }));
    }
    [[nodiscard]] std::string process_of(const std::string& vm) const
    {
        // The bracket keeps the pattern from matching the shell that looks for it.
        return lab.on_host(
            {"sh", "-c",
             concat("grep -lz -- '[-]-startvm' /proc/[0-9]*/cmdline | while read -r f; do grep -qz '",
                    uuid(vm), "' $f && echo $f | cut -d/ -f3; done; true")});
    }
    [[nodiscard]] Reply create_on(std::string_view network)
    {
        return cpi.try_create_vm(stemcell, 160, LabCpi::small_vm, network);
    }
    /// Runs a call that is killed after that time.
    void call_and_kill(std::string_view seconds, std::string_view request) const
    {
        const std::string folder = concat(cpi.store(), "/..");
        static_cast<void>(lab.try_on_host({"timeout", "-s", "KILL", std::string{seconds},
                                           folder + "/libvirt_cpi", "--config", folder + "/cpi.json"},
                                          request));
    }
};

std::string manual(std::string_view cloud_properties, std::string_view gateway = "10.88.0.1")
{
    return concat(R"({"type":"manual","ip":"10.88.0.9","netmask":"255.255.255.0","gateway":")", gateway,
                  R"(","cloud_properties":)", cloud_properties, "}");
}

} // namespace

TEST_CASE_FIXTURE(Fixture,
                  "disks come and go while the VM runs and while it is off, each on a port of its own")
{
    const std::string vm = cpi.create_vm(stemcell, 160);
    const std::string one = disk();
    const std::string two = disk();
    const std::string hint = attach(vm, one).require_ok().result_text();
    stop(vm, "poweroff");
    CHECK(attach(vm, two).require_ok().result_text() != hint);
    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    const auto disks = vbox::read_info(settings_of(vm)).disks;
    REQUIRE(disks.size() == 2);
    CHECK(disks[0].port != disks[1].port);
    // Whenever they came, they go.
    CHECK(detach(vm, two).ok());
    CHECK(detach(vm, one).ok());
    CHECK(state_of(vm) == "running");
    CHECK(attach(vm, one).require_ok().result_text() == hint);
    stop(vm, "poweroff");
    CHECK(detach(vm, one).ok());
    CHECK_FALSE(knows("hdds", one));
}

TEST_CASE_FIXTURE(Fixture, "a VM has the hardware that was asked for, and its tags")
{
    const std::string vm = cpi.create_vm(
        stemcell, 160,
        R"({"cpus":2,"memory":200,"ephemeral_disk":32,"root_disk":100,"firmware":"uefi","graphics":"rdp","cache":"none"})");
    const std::string info = settings_of(vm);
    for (const auto* line : {"\nmemory=200\n", "\ncpus=2\n", "\nfirmware=\"EFI\"\n", "\nvrde=\"on\"\n",
                             "\nvrdeaddress=\"127.0.0.1\"\n", "\nnic1=\"nat\"\n", "\nnic2=\"none\"\n"}) {
        CAPTURE(line);
        CHECK(info.find(line) != std::string::npos);
    }
    const std::string root = concat(cpi.store(), "/vms/", vm, "/root.vdi");
    CHECK(lab.on_host({"qemu-img", "info", "-U", root}).find("(104857600 bytes)") != std::string::npos);
    CHECK(cpi.call("set_vm_metadata", concat("[", json_string(vm), R"(,{"job":"ünï","name":"a/b \"c\"\n"}])"))
              .ok());
    CHECK(vbox({"getextradata", uuid(vm), "libvirt-cpi/tags"}) == "Value: job: ünï\nname: a/b \"c\"");
    CHECK(cpi.call("set_vm_metadata", concat("[", json_string(vm), ",{}]")).ok());
    CHECK(vbox({"getextradata", uuid(vm), "libvirt-cpi/tags"}) == "No value set!");
}

TEST_CASE_FIXTURE(Fixture, "a VM is rebooted and deleted in whatever state it is, and its disk stays")
{
    const std::string disk_cid = disk();
    for (const auto* how : {"poweroff", "pause", "savestate"}) {
        CAPTURE(how);
        const std::string vm = cpi.create_vm(stemcell, 160);
        stop(vm, how);
        CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
        CHECK(state_of(vm) == "running");
        REQUIRE(attach(vm, disk_cid).ok());
        stop(vm, how);
        CHECK(cpi.call("delete_vm", json_list({vm})).ok());
        CHECK_FALSE(knows("vms", vm));
        CHECK_FALSE(knows("hdds", vm));
        CHECK_FALSE(knows("dvds", vm));
        CHECK_FALSE(knows("hdds", disk_cid));
        CHECK(cpi.names_in(concat("disks/", disk_cid)).contains("disk.vdi"));
    }
}

TEST_CASE_FIXTURE(Fixture, "a VM whose process hangs, or was killed, is deleted too")
{
    const std::string killed = cpi.create_vm(stemcell, 160);
    static_cast<void>(lab.on_host({"sh", "-c", concat("kill -KILL ", process_of(killed))}));
    const std::string hung = cpi.create_vm(stemcell, 161);
    static_cast<void>(lab.on_host({"sh", "-c", concat("kill -STOP ", process_of(hung))}));
    for (const auto& vm : {killed, hung}) {
        const Reply deleted = cpi.call("delete_vm", json_list({vm}));
        CAPTURE(deleted.ran().out);
        CHECK(deleted.ok());
        CHECK_FALSE(knows("vms", vm));
        CHECK(process_of(vm).empty());
    }
    CHECK(cpi.names_in("vms").empty());
}

TEST_CASE_FIXTURE(Fixture, "a VM whose settings cannot be read is deleted, and does not run on")
{
    const std::string vm = cpi.create_vm(stemcell, 160);
    stop(vm, "poweroff");
    const std::string settings = concat(cpi.store(), "/vms/", vm, "/", vm, ".vbox");
    // VirtualBox reads them when its service starts: that ends when nobody asked for a while.
    constexpr std::chrono::seconds patience{60};
    REQUIRE(wait_until(Deadline{patience}, [&] {
        return lab.on_host({"sh", "-c", "cat /proc/[0-9]*/comm"}).find("VBoxSVC") == std::string::npos;
    }));
    static_cast<void>(lab.on_host({"tee", settings}, "not XML"));
    CHECK(cpi.call("has_vm", json_list({vm})).require_ok().result_text() == "true");
    CHECK(cpi.call("get_disks", json_list({vm})).message().find("cannot read the settings") !=
          std::string::npos);
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(cpi.call("has_vm", json_list({vm})).require_ok().result_text() == "false");
}

TEST_CASE_FIXTURE(Fixture, "a disk that was copied is another disk, and both are in one VM")
{
    const std::string vm = cpi.create_vm(stemcell, 160);
    const std::string one = disk();
    const std::string hint = attach(vm, one).require_ok().result_text();
    const std::string snapshot = cpi.cid("snapshot_disk", concat("[", json_string(one), ",{}]"));
    CHECK(state_of(vm) == "running");
    const Ran restored = cpi.operate({"restore-disk", snapshot, "--as-new"});
    REQUIRE(restored.status == 0);
    const std::string two = trim(restored.out);
    CHECK(attach(vm, two).require_ok().result_text() != hint);
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == json_list({one, two}));
    CHECK(cpi.call("resize_disk", concat("[", json_string(two), ",128]")).error_type() ==
          "Bosh::Clouds::NotSupported");
    CHECK(detach(vm, two).ok());
    CHECK(cpi.call("resize_disk", concat("[", json_string(two), ",128]")).ok());
    CHECK(attach(vm, two).ok());
    CHECK(knows("hdds", "Capacity:       128 MBytes"));
}

TEST_CASE("what VMs boot from comes before persistent disks, on whatever controller it is")
{
    const Lab lab;
    for (const auto* controller : {"IDE", "SCSI"}) {
        CAPTURE(controller);
        LabCpi cpi{lab, concat(R"(,"storage_controller":)", json_string(controller))};
        const std::string vm = cpi.create_vm(cpi.create_stemcell("openstack-qcow2"), 160);
        const std::string disk = cpi.cid("create_disk", "[64,{}]");
        CHECK(cpi.call("attach_disk", json_list({vm, disk})).ok());
        CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
        // The BIOS says so when the first disk is one that can be booted from.
        const std::string log = concat(cpi.store(), "/vms/", vm, "/Logs/VBox.log");
        constexpr std::chrono::minutes patience{3};
        CHECK(wait_until(Deadline{patience}, [&] {
            return lab.on_host({"cat", log}).find("BIOS: Booting from Hard Disk...") != std::string::npos;
        }));
    }
}

TEST_CASE_FIXTURE(Fixture, "a VM that a killed snapshot_disk left suspended goes on with the next call")
{
    const std::string vm = cpi.create_vm(stemcell, 160);
    const std::string one = disk();
    const std::string two = disk();
    REQUIRE(attach(vm, one).ok());
    stop(vm, "savestate");
    CHECK(attach(vm, two).ok());
    CHECK(state_of(vm) == "running");
    stop(vm, "savestate");
    CHECK(cpi.call("snapshot_disk", concat("[", json_string(one), ",{}]")).ok());
    CHECK(state_of(vm) == "running");
}

TEST_CASE_FIXTURE(Fixture, "missing NAT networks and host-only interfaces are made where that is possible")
{
    // VMs start on none of them in this lab: that fails, and the networks stay.
    const Reply made = create_on(manual(R"({"type":"natnetwork","name":"Lab net"})"));
    CHECK(made.message().find("Lab net") != std::string::npos);
    CHECK(knows("natnetworks", "10.88.0.0/24"));
    CHECK(cpi.names_in("vms").empty());
    CHECK(vbox({"list", "vms"}).empty());
    static_cast<void>(create_on(manual(R"({"name":"Lab net"})")));
    CHECK(vbox::values_of(vbox({"list", "natnetworks"}), "Name") == std::vector<std::string>{"Lab net"});
    static_cast<void>(vbox({"natnetwork", "remove", "--netname", "Lab net"}));

    CHECK(create_on(manual(R"({"name":"Lab net"})", "10.88.0.7")).message().find("first address") !=
          std::string::npos);
    CHECK(create_on(R"({"type":"dynamic","cloud_properties":{"name":"Lab net"}})")
              .message()
              .find("cannot be made without") != std::string::npos);
    CHECK(vbox({"list", "natnetworks"}).empty());

    const Reply other = create_on(manual(R"({"name":"vboxnet7"})"));
    CHECK(other.message().find("would make 'vboxnet0'") != std::string::npos);
    CHECK(vbox({"list", "hostonlyifs"}).empty());
    static_cast<void>(create_on(manual(R"({"name":"vboxnet0"})")));
    CHECK(knows("hostonlyifs", "10.88.0.1"));
    static_cast<void>(vbox({"hostonlyif", "remove", "vboxnet0"}));

    const Reply bridged = create_on(manual(R"({"bridge":"absent0"})"));
    CHECK(bridged.message().find("bridge 'absent0' does not exist in VirtualBox") != std::string::npos);
    CHECK(cpi.names_in("vms").empty());
}

TEST_CASE("without auto_enable_networks nothing is made")
{
    const Lab lab;
    LabCpi cpi{lab};
    const Reply refused = cpi.try_create_vm(cpi.create_stemcell(), 160, LabCpi::small_vm,
                                            manual(R"({"type":"natnetwork","name":"Lab net"})"));
    CHECK(refused.message().find("NAT network 'Lab net' does not exist in VirtualBox") != std::string::npos);
    CHECK(lab.on_host({"/usr/lib/virtualbox/VBoxManage", "list", "natnetworks"}).empty());
}

TEST_CASE_FIXTURE(Fixture, "what VirtualBox cannot do is NotSupported, and nothing is left")
{
    for (const auto* properties :
         {R"({"encryption":"luks"})", R"({"storage_pool":"p"})", R"({"iops":5})", R"({"format":"qcow2"})"}) {
        CAPTURE(properties);
        CHECK(cpi.try_create_vm(stemcell, 160, properties).error_type() == "Bosh::Clouds::NotSupported");
    }
    for (const auto* properties : {R"({"direct":"eth0"})", R"({"vlan":5})", R"({"mtu":1400})",
                                   R"({"bandwidth":{"inbound":5}})", R"({"nwfilter":"f"})"}) {
        CAPTURE(properties);
        CHECK(create_on(concat(R"({"type":"dynamic","cloud_properties":)", properties, "}")).error_type() ==
              "Bosh::Clouds::NotSupported");
    }
    CHECK(
        create_on(R"({"type":"dynamic","cloud_properties":{"type":"nat","model":"vmxnet3"}})").error_type() ==
        "Bosh::Clouds::NotSupported");
    CHECK(cpi.names_in("vms").empty());
    CHECK(vbox({"list", "vms"}).empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "a create_vm that is killed at any point leaves nothing that the next one does not remove")
{
    const std::string request =
        concat(R"({"method":"create_vm","arguments":["agent-1",)", json_string(stemcell), ",",
               LabCpi::small_vm, R"(,{"net":)", lab.ask({"network", "160"}),
               R"(},[],{}],"context":{"director_uuid":"d"},"api_version":2})");
    for (const auto* seconds : {"0.2", "0.4", "0.6", "0.7", "0.8", "0.9", "1.0", "1.2", "1.5"})
        call_and_kill(seconds, request);
    for (const auto& vm : cpi.names_in("vms")) // those that were finished
        if (!cpi.names_in(".in-progress").contains(vm))
            CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    const std::string vm = cpi.create_vm(stemcell, 160);
    CHECK(cpi.names_in("vms") == std::set<std::string>{vm});
    CHECK(cpi.names_in(".in-progress").empty());
    CHECK(vbox({"list", "vms"}) == concat("\"", vm, "\" {", uuid(vm), "}"));
    CHECK(vbox::values_of(vbox({"list", "dvds"}), "UUID").size() == 1);
    CHECK(vbox::values_of(vbox({"list", "hdds"}), "UUID").size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "the stemcells of openstack and their images, light ones too, become VMs' disks")
{
    const std::string openstack = cpi.create_stemcell("openstack-qcow2");
    const std::string vm = cpi.create_vm(openstack, 160);
    CHECK(state_of(vm) == "running");
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    const std::string image = concat(cpi.store(), "/../light.qcow2");
    static_cast<void>(lab.on_host({"sh", "-c",
                                   concat("qemu-img convert -f vdi -O qcow2 ", cpi.store(), "/stemcells/",
                                          openstack, "/image.vdi ", image)}));
    const std::string light =
        cpi.cid("create_stemcell",
                concat(R"(["",{"infrastructure":"openstack","image_path":)", json_string(image), "}]"));
    CHECK(state_of(cpi.create_vm(light, 161)) == "running");
}

} // namespace cpi::test
