// A restart of the hypervisor's host, which nobody announced.

#include "base/text.h"
#include "conformance/lab.h"
#include "support/documents.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

std::string with(std::string text, std::string_view from, std::string_view to)
{
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

/// What the documentation has an operator do so that VMs start with the host.
class Preparation : private Pinned {
public:
    Preparation(const Lab& lab, const LabCpi& cpi) : lab_{lab}
    {
        const std::string_view hypervisor = lab.row().name;
        if (hypervisor == "lxc")
            static_cast<void>(lab.on_host({"sh", "-c", restart_commands(hook)}));
        if (hypervisor != "vbox" && hypervisor != "vmware")
            return;
        unit_ = cpi.folder() + "/start-bosh-vms";
        const std::string commands = restart_commands(hypervisor == "vbox" ? "VBoxManage" : "vmrun");
        static_cast<void>(lab.on_host({"sh", "-c",
                                       with(with(commands, "/usr/local/bin/start-bosh-vms", unit_),
                                            "/var/vcap/store/libvirt", cpi.store())}));
    }
    ~Preparation()
    {
        if (lab_.row().name == "lxc")
            static_cast<void>(lab_.try_on_host({"rm", "-f", std::string{hook}}));
    }
    [[nodiscard]] bool is_libvirts() const noexcept { return unit_.empty(); }
    /// The program that a unit of systemd starts the VMs with.
    [[nodiscard]] const std::string& unit() const noexcept { return unit_; }

private:
    static constexpr std::string_view hook = "/etc/libvirt/hooks/lxc.d/libvirt-cpi";
    const Lab& lab_;
    std::string unit_;
};

constexpr std::string_view not_with_host = R"({"cpus":1,"memory":256,"ephemeral_disk":64,"autostart":false})";

/// What is known of whether a VM is to start with the host.
bool is_to_start(const Lab& lab, const LabCpi& cpi, const Preparation& host, const std::string& vm)
{
    if (!host.is_libvirts())
        return cpi.names_in(concat("vms/", vm)).contains("autostart");
    return lab.ask({"virsh", "dominfo", vm}).find("Autostart:      enable") != std::string::npos;
}

} // namespace

TEST_CASE("VMs start with the host, with their disks, unless somebody said otherwise")
{
    const Lab lab;
    LabCpi cpi{lab};
    const Preparation host{lab, cpi};
    const std::string stemcell = cpi.create_stemcell();
    const auto create = [&](unsigned number, std::string_view properties) {
        return cpi.try_create_vm(stemcell, number, properties).require_ok().result().items().front().string();
    };
    const std::string vm = create(150, LabCpi::small_vm);
    const std::string stays_off = create(151, not_with_host);
    CHECK(is_to_start(lab, cpi, host, vm));
    CHECK_FALSE(is_to_start(lab, cpi, host, stays_off));
    if (!lab.host_restarts()) {
        MESSAGE("the host of this lab cannot be restarted: what is asked for is all that was looked at");
        return;
    }
    const std::string gone = create(152, LabCpi::small_vm);
    // Guests that boot leave the disks of an emulated host little time.
    for (const auto& each : {vm, stays_off, gone})
        static_cast<void>(cpi.report(each));
    const std::string disk = cpi.cid("create_disk", concat("[64,{},", json_string(vm), "]"));
    const std::string hint = cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    static_cast<void>(cpi.report(vm)); // where attaching restarts the VM
    // Some agents mount what they had mounted when they start again.
    const auto mount_disk = [&] {
        static_cast<void>(lab.in_guest(vm, concat("grep -q ' /mnt ' /proc/mounts || mount-disk ", disk, " ",
                                                  shell_quote(hint), " /mnt")));
    };
    if (lab.asks_guests()) {
        mount_disk();
        static_cast<void>(lab.in_guest(vm, "echo kept >/mnt/marker; sync"));
    }
    CHECK(cpi.call("delete_vm", json_list({gone})).ok());

    lab.restart_host();
    if (!host.is_libvirts()) {
        CHECK_FALSE(lab.answers(vm));
        static_cast<void>(lab.on_host({host.unit()}));
    }
    static_cast<void>(cpi.report(vm));
    CHECK_FALSE(lab.answers(stays_off));
    CHECK_FALSE(lab.answers(gone));
    CHECK(cpi.call("has_vm", json_list({stays_off})).require_ok().result_text() == "true");
    CHECK(cpi.call("has_vm", json_list({gone})).require_ok().result_text() == "false");
    if (lab.asks_guests()) {
        mount_disk();
        CHECK(lab.in_guest(vm, "cat /mnt/marker") == "kept");
        static_cast<void>(
            lab.in_guest(vm, "while grep -q ' /mnt ' /proc/mounts; do unmount-disk /mnt; done"));
    }

    // All goes on as before.
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).require_ok().result().is_null());
    for (const auto& each : {vm, stays_off})
        CHECK(cpi.call("delete_vm", json_list({each})).ok());
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
    CHECK(cpi.names_in("vms").empty());
}

} // namespace cpi::test
