// VMs on real QEMU: stemcells of each kind, firmware, controllers, networks, reboot, and what must not happen
// to images.

#include "base/clock.h"
#include "base/text.h"
#include "conformance/qemu_lab.h"

#include <doctest/doctest.h>

#include <set>
#include <utility>

namespace cpi::test {

namespace {

std::string static_network(std::string_view ip)
{
    return concat(R"({"net":)", manual_network(ip), "}");
}

/// What stays the same of a VM whatever happens to it.
std::string macs_of(const std::string& vm)
{
    std::vector<std::string> macs;
    for (const auto& line : split(virsh({"domiflist", vm}), '\n'))
        if (const auto at = line.find("52:54:00"); at != std::string::npos)
            macs.push_back(trim(line.substr(at)));
    return join(macs, " ");
}

std::string boot_id(const std::string& vm)
{
    return in_guest(vm, "cat /proc/sys/kernel/random/boot_id");
}

} // namespace

TEST_CASE("a vsphere stemcell boots with the firmware that its OVF asks for and finds its settings on the "
          "CD-ROM, also after a reboot")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("vsphere");
    const std::string vm = cpi.create_vm(stemcell, static_network("192.168.122.160"));
    const std::string report = cpi.boot_report(vm);
    CHECK(report.find(concat("REPORT agent_id=", QemuCpi::agent_id)) != std::string::npos);
    CHECK(report.find("REPORT firmware=uefi") != std::string::npos);
    CHECK(report.find("REPORT ephemeral=/dev/") != std::string::npos);

    // The agent's other way of finding disks.
    const std::string disk = cpi.cid("create_disk", "[32,{},null]");
    const std::string hint = cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    const std::string find_disk =
        concat("blockdev --getsize64 $(resolve-disk ", disk, " ", shell_quote(hint), ")");
    CHECK(in_guest(vm, find_disk) == std::to_string(32 * 1024 * 1024));

    // The agent ejected the medium. It is there again when the VM starts again.
    const std::string before = boot_id(vm);
    CHECK(cpi.call("reboot_vm", json_list({vm})).require_ok().result().is_null());
    CHECK(boot_id(vm) != before);
    CHECK(in_guest(vm, "read-settings").find(QemuCpi::agent_id) != std::string::npos);
    CHECK(in_guest(vm, find_disk) == std::to_string(32 * 1024 * 1024));
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
}

TEST_CASE("an env-CD-ROM stemcell without an ephemeral disk is refused before anything is made")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("vsphere");
    const Reply reply =
        cpi.try_create_vm(stemcell, static_network("192.168.122.160"), R"({"ephemeral_disk":0})");
    CHECK(reply.error_type() == "InvalidCall");
    CHECK(reply.message().find("ephemeral_disk") != std::string::npos);
    CHECK(cpi.leftovers().empty());
}

TEST_CASE("reboot_vm keeps cid, MAC addresses, disks and settings, whether the guest is asked or hangs")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-raw");
    const std::string vm = cpi.create_vm(stemcell, static_network("192.168.122.161"));
    static_cast<void>(cpi.boot_report(vm));
    const std::string disk = cpi.cid("create_disk", "[32,{},null]");
    const std::string hint = cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    const std::string first_boot = boot_id(vm);
    const std::string macs = macs_of(vm);

    REQUIRE(cpi.call("reboot_vm", json_list({vm})).ok());
    const std::string second_boot = boot_id(vm);
    CHECK(second_boot != first_boot);
    CHECK(macs_of(vm) == macs);
    CHECK(in_guest(vm, concat("resolve-disk ", disk, " ", shell_quote(hint))).starts_with("/dev/"));
    CHECK(in_guest(vm, "read-settings").find(QemuCpi::agent_id) != std::string::npos);

    // A VM that hangs is switched off in the end, one that is off is started.
    static_cast<void>(virsh({"suspend", vm}));
    REQUIRE(cpi.call("reboot_vm", json_list({vm})).ok());
    const std::string third_boot = boot_id(vm);
    CHECK(third_boot != second_boot);
    static_cast<void>(virsh({"destroy", vm}));
    CHECK(cpi.call("has_vm", json_list({vm})).require_ok().result_text() == "true");
    REQUIRE(cpi.call("reboot_vm", json_list({vm})).ok());
    CHECK(boot_id(vm) != third_boot);
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == json_list({disk}));
    CHECK(cpi.call("reboot_vm", R"(["vm-absent"])").error_type() == "Bosh::Clouds::VMNotFound");
}

TEST_CASE("delete_stemcell while a VM runs on it takes nothing from the VM")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("general-tar");
    const std::string vm = cpi.create_vm(stemcell, static_network("192.168.122.162"));
    static_cast<void>(cpi.boot_report(vm));
    CHECK(cpi.call("delete_stemcell", json_list({stemcell})).ok());
    CHECK_FALSE(std::filesystem::exists(cpi.store() / "stemcells" / stemcell));
    REQUIRE(cpi.call("reboot_vm", json_list({vm})).ok());
    CHECK_FALSE(boot_id(vm).empty());
    const Reply next = cpi.try_create_vm(stemcell, static_network("192.168.122.163"));
    CHECK(next.error_type() == "Bosh::Clouds::CloudError");
    CHECK(next.message().find(stemcell) != std::string::npos);
}

TEST_CASE("a light stemcell's image stays where it is, its tags are kept, and VMs start from it")
{
    const QemuCpi cpi;
    const std::string full = cpi.create_stemcell("openstack-qcow2");
    const auto elsewhere = cpi.store().parent_path() / "elsewhere.qcow2";
    std::filesystem::copy_file(cpi.store() / "stemcells" / full / "image.qcow2", elsewhere);
    const std::string light =
        cpi.cid("create_stemcell",
                concat(R"(["/nowhere/image",{"name":"light","infrastructure":"openstack","image_path":)",
                       json_string(elsewhere.native()), R"(},{"tags":{"team":"lab","cost":7}}])"));
    const json::Document record =
        json::parse(read_file(cpi.store() / "stemcells" / light / "stemcell.json"), "it");
    CHECK(json::root(record).at("tags").verbatim().text == R"({"cost":"7","team":"lab"})");
    const std::string vm = cpi.create_vm(light, static_network("192.168.122.164"));
    CHECK(cpi.boot_report(vm).find(QemuCpi::agent_id) != std::string::npos);
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(cpi.call("delete_stemcell", json_list({light})).ok());
    CHECK(std::filesystem::exists(elsewhere));
}

namespace {

void check_disks_come_and_go_on(std::string_view controller)
{
    CAPTURE(controller);
    const QemuCpi cpi{concat(R"(,"storage_controller":")", controller, "\"")};
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string vm = cpi.create_vm(stemcell, static_network("192.168.122.165"));
    CHECK(cpi.boot_report(vm).find("REPORT ephemeral=/dev/") != std::string::npos);
    const std::string disk = cpi.cid("create_disk", "[16,{},null]");
    const std::string hint = cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    CHECK(in_guest(vm, concat("resolve-disk ", disk, " ", shell_quote(hint))).starts_with("/dev/"));
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());
    CHECK(wait_until(Deadline{std::chrono::seconds{10}},
                     [&] { return in_guest(vm, "ls /dev/disk/by-id").find(disk) == std::string::npos; }));
}

void check_disks_come_with_restarts_on(std::string_view controller, std::size_t room)
{
    CAPTURE(controller);
    const QemuCpi cpi{concat(R"(,"strict_controller":true,"storage_controller":")", controller, "\"")};
    const std::string vm =
        cpi.create_vm(cpi.create_stemcell("openstack-qcow2"), static_network("192.168.122.166"));
    static_cast<void>(cpi.boot_report(vm));
    std::vector<std::string> disks;
    for (std::size_t i = 0; i < room; ++i)
        disks.push_back(cpi.cid("create_disk", "[16,{},null]"));
    const std::string disk = disks.front();
    std::string boot = boot_id(vm);
    const auto has_restarted = [&] { return std::exchange(boot, boot_id(vm)) != boot; };

    const std::string hint = cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    CHECK(has_restarted());
    CHECK(hint.find("/dev/disk/by-id/ata-QEMU_HARDDISK_") != std::string::npos);
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text() == hint);
    CHECK_FALSE(has_restarted());
    const std::string mount = concat("mount-disk ", disk, " ", shell_quote(hint), " /mnt && ");
    static_cast<void>(in_guest(vm, concat(mount, "echo kept >/mnt/marker; sync")));
    const Reply resized = cpi.call("resize_disk", concat("[", json_string(disk), ",32]"));
    CHECK(resized.error_type() == "Bosh::Clouds::NotSupported");

    // Its place on the bus is its own, whatever comes and goes.
    static_cast<void>(virsh({"destroy", vm}));
    for (std::size_t i = 1; i < room; ++i)
        CHECK(cpi.call("attach_disk", json_list({vm, disks.at(i)})).ok());
    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    for (const auto& each : disks)
        CHECK(in_guest(vm, concat("ls /dev/disk/by-id/ata-QEMU_HARDDISK_", each)).ends_with(each));
    CHECK(in_guest(vm, concat(mount, "cat /mnt/marker")).ends_with("kept"));

    CHECK(has_restarted());
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());
    CHECK(has_restarted());
    CHECK(in_guest(vm, "ls /dev/disk/by-id").find(disk) == std::string::npos);
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
}

} // namespace

TEST_CASE("disks persist on every storage controller, and persistent ones come and go on each")
{
    for (const auto* controller : {"SATA", "SCSI"})
        check_disks_come_and_go_on(controller);
}

TEST_CASE("persistent disks on a strict storage controller come and go with a restart of the VM, and keep "
          "their data")
{
    check_disks_come_with_restarts_on("SATA", 5);
}

// By IDE a BIOS reads a kernel in half a minute, under emulation.
TEST_CASE("disks persist and come and go on IDE, too, and with restarts where it is strict" *
          doctest::test_suite("night"))
{
    check_disks_come_and_go_on("IDE");
    check_disks_come_with_restarts_on("IDE", 1);
}

TEST_CASE("a VM that a killed attach_disk has left off, on a strict controller, runs after the next one")
{
    const QemuCpi cpi{R"(,"strict_controller":true,"storage_controller":"SATA")"};
    const std::string vm =
        cpi.create_vm(cpi.create_stemcell("openstack-qcow2"), static_network("192.168.122.167"));
    static_cast<void>(cpi.boot_report(vm));
    const std::string both = json_list({vm, cpi.cid("create_disk", "[16,{},null]")});
    const auto mark = cpi.store() / "vms" / vm / "comes_back";
    const std::string killed_on_the_way = concat(
        "exec 3<&0; ", LIBVIRT_CPI_EXECUTABLE, " --config ", cpi.config_file(), " <&3 & pid=$!; until [ -e ",
        mark.native(), " ]; do sleep 0.01; done; sleep 0.3; kill -9 $pid");
    REQUIRE(run_program({"timeout", "60", "sh", "-c", killed_on_the_way},
                        concat(R"({"method":"attach_disk","arguments":)", both,
                               R"(,"context":{"director_uuid":"d"},"api_version":2})"))
                .status == 0);
    CHECK(wait_until(Deadline{std::chrono::seconds{60}}, [&] {
        return virsh({"domstate", vm}).starts_with("shut off");
    }));
    CHECK(cpi.call("attach_disk", both).ok());
    CHECK(virsh({"domstate", vm}).starts_with("running"));
    CHECK(cpi.call("get_disks", json_list({vm})).ok());
    CHECK(cpi.call("detach_disk", both).ok());
    CHECK(virsh({"domstate", vm}).starts_with("running"));
}

TEST_CASE("UEFI on request, a larger root disk, a bridge, and no ephemeral disk")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string network = concat(
        R"({"net":{"type":"manual","ip":"10.77.1.50","netmask":"255.255.255.0","cloud_properties":{"bridge":"lab-br0"}}})");
    const std::string vm = cpi.create_vm(
        stemcell, network, R"({"memory":256,"cpus":2,"firmware":"uefi","root_disk":300,"ephemeral_disk":0})");
    const std::string report = cpi.boot_report(vm);
    CHECK(report.find("REPORT firmware=uefi") != std::string::npos);
    CHECK(report.find("REPORT ephemeral=none") != std::string::npos);
    CHECK(in_guest(vm, "blockdev --getsize64 /dev/vda") == std::to_string(300 * 1024 * 1024));
    CHECK(in_guest(vm, "nproc") == "2");
    CHECK(run_on_host({"ping", "-c1", "-W5", "10.77.1.50"}).status == 0);
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
}

TEST_CASE("auto_enable_networks starts a network that is off and makes one that is missing; without it both "
          "are errors")
{
    const std::string name = "auto-net";
    const std::string network =
        concat(R"({"net":{"type":"manual","ip":"10.77.9.50","netmask":"255.255.255.0","gateway":"10.77.9.1",)"
               R"("cloud_properties":{"network":")",
               name, R"("}}})");
    const auto remove_network = [&] {
        static_cast<void>(run_program({"virsh", "-q", "-c", lab_uri(), "net-destroy", name}));
        static_cast<void>(run_program({"virsh", "-q", "-c", lab_uri(), "net-undefine", name}));
    };
    remove_network();

    const QemuCpi strict;
    const std::string strict_stemcell = strict.create_stemcell("openstack-qcow2");
    const Reply missing = strict.try_create_vm(strict_stemcell, network);
    CHECK(missing.error_type() == "Bosh::Clouds::NetworkNotFound");
    CHECK(missing.message().find(name) != std::string::npos);
    CHECK(strict.leftovers().empty());

    const QemuCpi enabling{R"(,"auto_enable_networks":true)"};
    const std::string stemcell = enabling.create_stemcell("openstack-qcow2");
    std::string vm = enabling.create_vm(stemcell, network);
    CHECK(enabling.boot_report(vm).find("ip=10.77.9.50") != std::string::npos);
    CHECK(run_on_host({"ping", "-c1", "-W5", "10.77.9.50"}).status == 0);
    CHECK(enabling.call("delete_vm", json_list({vm})).ok());

    static_cast<void>(virsh({"net-destroy", name}));
    const Reply off = strict.try_create_vm(strict_stemcell, network);
    CHECK(off.error_type() == "Bosh::Clouds::CloudError");
    CHECK(off.message().find("not active") != std::string::npos);
    vm = enabling.create_vm(stemcell, network);
    CHECK(virsh({"net-info", name}).find("Autostart:      yes") != std::string::npos);
    CHECK(enabling.call("delete_vm", json_list({vm})).ok());

    // One that runs and does not start with the host is another matter, for VMs that do.
    constexpr std::string_view off_with_host = R"({"memory":256,"ephemeral_disk":0,"autostart":false})";
    const auto created = [&](const QemuCpi& cpi, const std::string& of, std::string_view properties) {
        static_cast<void>(virsh({"net-autostart", name, "--disable"}));
        const Reply reply = cpi.try_create_vm(of, network, properties);
        const std::string made = reply.require_ok().result().items().front().string();
        const bool starts = virsh({"dominfo", made}).find("Autostart:      enable") != std::string::npos;
        CHECK(starts == (properties != off_with_host));
        CHECK(cpi.call("delete_vm", json_list({made})).ok());
        return reply.ran().err;
    };
    CHECK(created(strict, strict_stemcell, QemuCpi::small_vm)
              .find("network 'auto-net' does not start with the host") != std::string::npos);
    CHECK(created(strict, strict_stemcell, off_with_host).find("with the host") == std::string::npos);
    CHECK(created(enabling, stemcell, QemuCpi::small_vm).find("with the host") == std::string::npos);
    CHECK(virsh({"net-info", name}).find("Autostart:      yes") != std::string::npos);
    remove_network();
}

TEST_CASE("settings hold secrets: their medium is for its owner, and for the hypervisor, alone")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string vm = cpi.create_vm(stemcell, static_network("192.168.122.166"));
    using std::filesystem::perms;
    const auto others = perms::group_all | perms::others_all;
    CHECK((std::filesystem::status(cpi.store() / "vms" / vm / "settings.iso").permissions() & others) ==
          perms::none);
}

TEST_CASE("where KVM does not work a VM runs without it, unless KVM is insisted on")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const Reply refused = cpi.try_create_vm(stemcell, static_network("192.168.122.167"),
                                            R"({"memory":256,"ephemeral_disk":64,"acceleration":"kvm"})");
    CHECK(refused.error_type() == "Bosh::Clouds::CloudError");
    CHECK(lower(refused.message()).find("kvm") != std::string::npos);
    CHECK(cpi.leftovers().empty());
    const Reply automatic = cpi.try_create_vm(stemcell, static_network("192.168.122.167"));
    const std::string vm = automatic.require_ok().result().items().front().string();
    CHECK(virsh({"dumpxml", vm}).find("<domain type='qemu'") != std::string::npos);
    CHECK(automatic.ran().err.find("warning: kvm does not work on this host") != std::string::npos);
}

TEST_CASE("four VMs at once come up each with its own address")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    std::vector<std::string> requests;
    std::string script;
    for (int i = 0; i < 4; ++i)
        script += concat(
            "( echo '{\"method\":\"create_vm\",\"arguments\":[\"agent-", i, "\",\"", stemcell,
            "\",{\"memory\":256,\"ephemeral_disk\":64},", static_network(concat("192.168.122.17", i)),
            ",[],{}],\"context\":{\"director_uuid\":\"d\"},\"api_version\":2}' | ", LIBVIRT_CPI_EXECUTABLE,
            " --config ", (cpi.store().parent_path() / "cpi.json").native(), " 2>/dev/null ) &\n");
    const Ran ran = run_program({"/bin/sh", "-c", script + "wait"});
    std::set<std::string> vms;
    for (std::size_t at = ran.out.find("[\"vm-"); at != std::string::npos;
         at = ran.out.find("[\"vm-", at + 1))
        vms.insert(ran.out.substr(at + 2, ran.out.find('"', at + 2) - at - 2));
    REQUIRE(vms.size() == 4);
    std::set<std::string> addresses;
    for (const auto& vm : vms)
        addresses.insert(in_guest(vm, "ip -4 -o addr show eth0 | tr -s ' ' | cut -d' ' -f4"));
    CHECK(addresses.size() == 4);
}

} // namespace cpi::test
