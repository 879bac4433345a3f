// What is particular to Xen, on a real one: looked at from the host and from inside.

#include "base/text.h"
#include "conformance/lab.h"

#include <doctest/doctest.h>

#include <array>

namespace cpi::test {

namespace {

struct Fixture {
    Lab lab;
    LabCpi cpi{lab};

    [[nodiscard]] std::string virsh(std::vector<std::string> words) const
    {
        words.insert(words.begin(), {"virsh", "-q", "-c", "xen:///"});
        return lab.on_host(words);
    }
    [[nodiscard]] std::string disk_of(std::string_view properties = "{}")
    {
        return cpi.cid("create_disk", concat("[64,", properties, ",null]"));
    }
    [[nodiscard]] std::string attach(const std::string& vm, const std::string& disk)
    {
        return cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    }
    void mount(const std::string& vm, const std::string& disk, const std::string& hint) const
    {
        static_cast<void>(lab.in_guest(vm, concat("mount-disk ", disk, " ", shell_quote(hint), " /mnt")));
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "the kinds that the lab does not usually have boot, and a disk comes and goes")
{
    struct Kind {
        std::string virtualization;
        std::string seen; // by the guest
    };
    const std::array kinds{Kind{"pvh", "xen=PVH"}, Kind{"hvm", "xen=HVM"}};
    const std::string stemcell = cpi.create_stemcell();
    for (const Kind& kind : kinds) {
        CAPTURE(kind.virtualization);
        const std::string vm = cpi.create_vm(
            stemcell, 180,
            concat(R"({"memory":256,"ephemeral_disk":64,"virtualization":")", kind.virtualization, R"("})"));
        const std::string report = cpi.report(vm);
        CAPTURE(report);
        CHECK(report.find(kind.seen) != std::string::npos);
        CHECK(report.find("REPORT error") == std::string::npos);
        CHECK(report.find("REPORT ephemeral=/dev/xvdb") != std::string::npos);
        CHECK(report.find(" ip=192.168.122.180/24") != std::string::npos);
        const std::string disk = disk_of();
        const std::string hint = attach(vm, disk);
        CHECK(hint == R"({"path":"/dev/xvde"})");
        mount(vm, disk, hint);
        static_cast<void>(lab.in_guest(vm, "echo here >/mnt/marker && unmount-disk /mnt"));
        CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());
        CHECK(lab.in_guest(vm, "test -e /dev/xvde || echo gone") == "gone");
        if (kind.virtualization == "hvm")
            CHECK(lab.on_host({"cat", concat(cpi.store(), "/vms/", vm, "/console.log")}) != "");
        CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    }
}

TEST_CASE_FIXTURE(Fixture, "a disk is attached to a VM that is off, and two disks have places of their own")
{
    const std::string vm = cpi.create_vm(cpi.create_stemcell(), 181);
    const std::string first = disk_of();
    const std::string second = disk_of(R"({"format":"raw"})");
    static_cast<void>(virsh({"destroy", vm}));
    const std::string first_hint = attach(vm, first);
    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    static_cast<void>(cpi.report(vm));
    const std::string second_hint = attach(vm, second);
    CHECK(first_hint == R"({"path":"/dev/xvde"})");
    CHECK(second_hint == R"({"path":"/dev/xvdf"})");
    CHECK(attach(vm, second) == second_hint);
    mount(vm, first, first_hint);
    static_cast<void>(lab.in_guest(vm, "echo first >/mnt/marker && unmount-disk /mnt"));
    mount(vm, second, second_hint);
    static_cast<void>(lab.in_guest(vm, "test ! -e /mnt/marker && unmount-disk /mnt"));

    // The one that stays keeps its place.
    CHECK(cpi.call("detach_disk", json_list({vm, first})).ok());
    CHECK(attach(vm, second) == second_hint);
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == json_list({second}));
    const Reply resized = cpi.call("resize_disk", concat("[", json_string(second), ",96]"));
    CHECK(resized.error_type() == "Bosh::Clouds::NotSupported");
    CHECK(resized.message().find("Try: detach it first") != std::string::npos);
    // Xen itself would not say so.
    static_cast<void>(lab.on_host({"rm", concat(cpi.store(), "/disks/", first, "/disk.qcow2")}));
    CHECK(cpi.call("attach_disk", json_list({vm, first})).message().find("is not there") !=
          std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a snapshot of a disk in use is what it was, and the VM goes on")
{
    const std::string vm = cpi.create_vm(cpi.create_stemcell(), 182);
    const std::string disk = disk_of();
    const std::string hint = attach(vm, disk);
    mount(vm, disk, hint);
    static_cast<void>(lab.in_guest(vm, "echo before >/mnt/marker && sync"));
    const std::string snapshot = cpi.cid("snapshot_disk", concat("[", json_string(disk), ",{}]"));
    CHECK(virsh({"domstate", vm}) == "running");
    static_cast<void>(lab.in_guest(vm, "echo after >/mnt/marker && unmount-disk /mnt"));
    const Ran restored = cpi.operate({"restore-disk", snapshot, "--as-new"});
    CHECK(restored.status == 0);
    const std::string old = trim(restored.out);
    mount(vm, old, attach(vm, old));
    CHECK(lab.in_guest(vm, "cat /mnt/marker && unmount-disk /mnt") == "before");
    mount(vm, disk, hint);
    CHECK(lab.in_guest(vm, "cat /mnt/marker && unmount-disk /mnt") == "after");

    // One that somebody has suspended stays so.
    static_cast<void>(virsh({"suspend", vm}));
    CHECK(cpi.call("snapshot_disk", concat("[", json_string(disk), ",{}]")).ok());
    CHECK(virsh({"domstate", vm}) == "paused");
    static_cast<void>(virsh({"resume", vm}));
}

TEST_CASE_FIXTURE(Fixture, "a snapshot that is killed leaves a VM suspended only until the next one")
{
    const std::string vm = cpi.create_vm(cpi.create_stemcell(), 183);
    const std::string disk = cpi.cid("create_disk", R"([256,{"format":"raw"},null])");
    // So that the copy takes its time.
    static_cast<void>(
        lab.on_host({"dd", "if=/dev/urandom", concat("of=", cpi.store(), "/disks/", disk, "/disk.raw"),
                     "bs=1M", "count=256", "conv=notrunc"}));
    static_cast<void>(attach(vm, disk));
    const std::string request = concat(R"({"method":"snapshot_disk","arguments":[)", json_string(disk),
                                       R"(,{}],"context":{"director_uuid":"d"},"api_version":2})");
    bool was_left_suspended = false;
    for (const auto* moment : {"2", "1.5", "1", "2.5", "3"}) {
        static_cast<void>(lab.try_on_host({"timeout", "-s", "KILL", moment, cpi.folder() + "/libvirt_cpi",
                                           "--config", cpi.folder() + "/cpi.json"},
                                          request));
        was_left_suspended = virsh({"domstate", vm}) == "paused";
        if (was_left_suspended)
            break;
    }
    CHECK(was_left_suspended);
    CHECK(cpi.call("snapshot_disk", concat("[", json_string(disk), ",{}]")).ok());
    CHECK(virsh({"domstate", vm}) == "running");
    CHECK(lab.answers(vm));
    CHECK(cpi.names_in(".in-progress").empty());
}

TEST_CASE_FIXTURE(Fixture, "what libvirt's Xen driver would take and not do is refused")
{
    const std::string stemcell = cpi.create_stemcell();
    CHECK(cpi.call("create_disk", R"([64,{"encryption":"luks"},null])").error_type() ==
          "Bosh::Clouds::NotSupported");
    CHECK(cpi.try_create_vm(stemcell, 184, R"({"firmware":"uefi"})").error_type() ==
          "Bosh::Clouds::NotSupported");
    for (const auto* properties : {R"("nwfilter":"clean-traffic")", R"("bandwidth":{"inbound":100})",
                                   R"("mtu":1400)", R"("vlan":7)"}) {
        CAPTURE(properties);
        CHECK(cpi.try_create_vm(stemcell, 184, LabCpi::small_vm,
                                concat(R"({"type":"dynamic","cloud_properties":{"network":"default",)",
                                       properties, "}}"))
                  .error_type() == "Bosh::Clouds::NotSupported");
    }
    CHECK(cpi.names_in("vms").empty());
}

} // namespace cpi::test
