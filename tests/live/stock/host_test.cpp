// The host of VMs is restarted, and VMs are while something is done to them.

#include "base/clock.h"
#include "base/text.h"
#include "conformance/lab.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

struct Fixture {
    Lab lab;
    LabCpi cpi{lab};
    std::string stemcell = cpi.create_stemcell();
};

/// A VM with a persistent disk, on which it writes and reads.
class VmWithDisk {
public:
    VmWithDisk(const Lab& lab, LabCpi& cpi, const std::string& stemcell, unsigned number)
        : lab_{lab}, cpi_{cpi}, vm_{cpi.create_vm(stemcell, number)},
          disk_{cpi.cid("create_disk", concat("[64,{},", json_string(vm_), "]"))},
          hint_{cpi.call("attach_disk", json_list({vm_, disk_})).require_ok().result_text()}
    {
        mount();
    }

    [[nodiscard]] const std::string& vm() const noexcept { return vm_; }
    [[nodiscard]] const std::string& disk() const noexcept { return disk_; }
    [[nodiscard]] std::string guest(const std::string& command) const { return lab_.in_guest(vm_, command); }
    [[nodiscard]] std::string boot_id() const { return guest("cat /proc/sys/kernel/random/boot_id"); }
    void mount() const
    {
        static_cast<void>(cpi_.report(vm_));
        static_cast<void>(guest(concat("mount-disk ", disk_, " ", shell_quote(hint_), " /mnt")));
    }
    /// Until the guest has booted once more.
    void await_other_boot(const std::string& before) const
    {
        constexpr std::chrono::minutes patience{8};
        REQUIRE(wait_until(Deadline{patience}, [&] {
            try {
                return boot_id() != before;
            } catch (const std::runtime_error&) {
                return false;
            }
        }));
    }

private:
    const Lab& lab_;
    LabCpi& cpi_;
    std::string vm_;
    std::string disk_;
    std::string hint_;
};

} // namespace

TEST_CASE_FIXTURE(Fixture,
                  "after a restart of the host, planned or not, its VMs run with what was on their disks, "
                  "and one that was switched off for good stays off")
{
    const VmWithDisk has_disk{lab, cpi, stemcell, 150};
    const std::string off = cpi.create_vm(stemcell, 151);
    static_cast<void>(lab.ask({"virsh", "autostart", "--disable", off}));
    static_cast<void>(lab.ask({"virsh", "destroy", off}));

    for (const std::string& how : std::vector<std::string>{"reboot", "restart"}) {
        CAPTURE(how);
        const std::string before = has_disk.boot_id();
        // In good order guests are shut down, too.
        const std::string_view unless_planned = how == "restart" ? "; sync" : "";
        static_cast<void>(has_disk.guest(concat("echo ", how, " >/mnt/marker", unless_planned)));
        static_cast<void>(lab.ask({how}));
        CHECK(lab.ask({"virsh", "net-list", "--name"}) == "default");
        CHECK(lab.ask({"virsh", "list", "--name"}) == has_disk.vm());
        CHECK(lab.ask({"virsh", "domstate", off}) == "shut off");
        has_disk.await_other_boot(before);
        has_disk.mount();
        CHECK(has_disk.guest("cat /mnt/marker") == how);
    }

    // All goes on as before.
    CHECK(cpi.call("reboot_vm", json_list({off})).ok());
    static_cast<void>(cpi.report(off));
    CHECK(cpi.call("delete_vm", json_list({off})).ok());
    CHECK(cpi.call("delete_vm", json_list({has_disk.vm()})).ok());
    CHECK(cpi.call("delete_disk", json_list({has_disk.disk()})).ok());
    for (const auto* kind : {"vms", "disks", ".in-progress"})
        CHECK(cpi.names_in(kind).empty());
}

TEST_CASE_FIXTURE(Fixture,
                  "snapshot_disk while the VM restarts is a snapshot or an error, and no guest stays frozen")
{
    const VmWithDisk has_disk{lab, cpi, stemcell, 152};
    int snapshots = 0;
    for (const std::string& after : std::vector<std::string>{"0", "0.5", "1", "2", "4", "8"}) {
        CAPTURE(after);
        const std::string before = has_disk.boot_id();
        static_cast<void>(has_disk.guest("sync"));
        static_cast<void>(lab.ask({"virsh", "reset", has_disk.vm()}));
        static_cast<void>(lab.run({"sleep", after}));
        const Reply reply = cpi.call("snapshot_disk", concat("[", json_string(has_disk.disk()), ",{}]"));
        CAPTURE(reply.message());
        if (reply.ok()) {
            ++snapshots;
            CHECK(cpi.call("delete_snapshot", json_list({reply.result().string()})).ok());
        } else {
            CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        }
        has_disk.await_other_boot(before);
        has_disk.mount();
        // A frozen one would wait here.
        static_cast<void>(has_disk.guest("date >/mnt/written && sync"));
        CHECK(lab.ask({"virsh", "domstate", has_disk.vm()}) == "running");
        CHECK(cpi.names_in(".in-progress").empty());
    }
    CHECK(snapshots > 0);
    CHECK(cpi.names_in("snapshots").empty());
}

} // namespace cpi::test
