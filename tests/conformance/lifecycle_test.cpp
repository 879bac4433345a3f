// The contract's life cycle, the same for every hypervisor: called as the Director calls, looked at from
// outside and from inside the guest. What a hypervisor cannot do its row says, and is refused.

#include "base/text.h"
#include "conformance/lab.h"
#include "cpi/methods.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace cpi::test {

namespace {

/// One path of the disk's folder: its image on the hypervisor's host.
std::string image_of(const Lab& lab, const LabCpi& cpi, const std::string& disk)
{
    const std::string pattern =
        concat(cpi.store(), "/disks/", disk, "/disk*.", lab.row().disk_formats.front());
    return lab.on_host({"sh", "-c", concat("ls ", pattern)});
}

/// A text on a persistent disk. Guests write and read it in a file; where they are not asked, it is written
/// to the disk's image while no VM has it.
class DiskText {
public:
    DiskText(const Lab& lab, const LabCpi& cpi) : lab_{lab}, cpi_{cpi} {}

    void write_while_detached(const std::string& disk, const std::string& text) const
    {
        if (lab_.asks_guests())
            return;
        const std::string file = concat(cpi_.store(), "/../text");
        const std::string image = image_of(lab_, cpi_, disk);
        static_cast<void>(lab_.on_host({"sh", "-c", concat("cat > ", file)}, padded(text)));
        static_cast<void>(lab_.on_host(
            {"qemu-io", "-f", format(), "-c", concat("write -s ", file, " 1M ", text_bytes), image}));
    }
    void write_in_guest(const std::string& vm, const std::string& text) const
    {
        if (lab_.asks_guests())
            static_cast<void>(lab_.in_guest(vm, concat("echo ", text, " > /mnt/marker; sync")));
    }
    [[nodiscard]] std::string read(const std::string& vm, const std::string& disk) const
    {
        if (lab_.asks_guests())
            return lab_.in_guest(vm, "cat /mnt/marker || true");
        const std::string raw = concat(cpi_.store(), "/../raw");
        static_cast<void>(lab_.on_host(
            {"qemu-img", "convert", "-U", "-f", format(), "-O", "raw", image_of(lab_, cpi_, disk), raw}));
        return lab_.on_host({"sh", "-c", concat("tail -c +1048577 ", raw, " | head -c ", text_bytes)});
    }

private:
    static constexpr std::size_t text_bytes = 512;
    [[nodiscard]] static std::string padded(const std::string& text)
    {
        return concat(text, std::string(text_bytes - text.size(), '\n'));
    }
    [[nodiscard]] std::string format() const { return std::string{lab_.row().disk_formats.front()}; }

    const Lab& lab_;
    const LabCpi& cpi_;
};

void mount_in_guest(const Lab& lab, const std::string& vm, const std::string& disk, const std::string& hint)
{
    if (!lab.asks_guests()) {
        CHECK(lab.ask({"disks", vm}).find(concat("/disks/", disk, "/disk")) != std::string::npos);
        return;
    }
    static_cast<void>(lab.in_guest(vm, concat("mount-disk ", disk, " ", shell_quote(hint), " /mnt")));
}

void unmount_in_guest(const Lab& lab, const std::string& vm)
{
    if (lab.asks_guests())
        static_cast<void>(lab.in_guest(vm, "sync; unmount-disk /mnt"));
}

std::string attach(LabCpi& cpi, const std::string& vm, const std::string& disk)
{
    std::string hint = cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    static_cast<void>(cpi.report(vm)); // where attaching restarts the VM
    return hint;
}

/// What the guest found when it booted.
void check_guest(const Lab& lab, const LabCpi& cpi, const std::string& vm, const Reply& created)
{
    const std::string report = cpi.report(vm);
    if (!lab.asks_guests()) {
        MESSAGE("guests are not asked: ", lab.why_not_guests());
        return;
    }
    CAPTURE(report);
    CHECK(report.find("REPORT agent_id=agent-150") != std::string::npos);
    CHECK(report.find("REPORT error") == std::string::npos);
    CHECK(report.find(concat("mac=", created.result().items().at(1).at("net").at("mac").string())) !=
          std::string::npos);
    const json::Document settings = json::parse(lab.in_guest(vm, "read-settings"), "the settings");
    const json::Place root = json::root(settings);
    CHECK(root.at("agent_id").string() == "agent-150");
    CHECK(root.at("mbus").string() == "nats://10.254.50.4:4222");
    CHECK(root.at("vm").at("name").string() == vm);
    CHECK(root.at("env").verbatim().text == R"({"bosh":{"group":"g"},"deep":{"list":[1,2.5,null,"ünï"]}})");
    CHECK(root.at("networks").verbatim().text == created.result().items().at(1).verbatim().text);
    CHECK(root.at("disks").at("persistent").verbatim().text == "{}");
}

void check_size(const Lab& lab, const LabCpi& cpi, const std::string& vm, const std::string& disk)
{
    if (lab.asks_guests()) {
        CHECK(std::stoi(lab.in_guest(vm, "df -m /mnt | tail -n 1 | awk '{print $2}'")) > 70);
        return;
    }
    const std::string info =
        lab.on_host({"qemu-img", "info", "-U", "--output=json", image_of(lab, cpi, disk)});
    const json::Document document = json::parse(info, "what qemu-img says");
    CHECK(json::root(document).at("virtual-size").verbatim().text == std::to_string(96 << 20));
}

} // namespace

TEST_CASE("the life of VMs and a disk, from create_stemcell to delete_stemcell")
{
    const Lab lab;
    LabCpi cpi{lab};
    CHECK(cpi.call("info", "[]").require_ok().result().at("stemcell_formats").items().size() ==
          lab.row().stemcell_formats.size());
    CHECK(cpi.call("ping", "[]").require_ok().result_text() == R"("pong")");
    CHECK(
        cpi.call("calculate_vm_cloud_properties", R"([{"cpu":1,"ram":256,"ephemeral_disk_size":64}])").ok());
    const std::string stemcell = cpi.create_stemcell();
    const DiskText text{lab, cpi};

    const Reply created = cpi.try_create_vm(stemcell, 150);
    const std::string vm = created.require_ok().result().items().front().string();
    check_guest(lab, cpi, vm, created);
    CHECK(cpi.call("has_vm", json_list({vm})).require_ok().result_text() == "true");
    CHECK(cpi.call("has_vm", R"(["vm-absent"])").require_ok().result_text() == "false");
    CHECK(cpi.call("set_vm_metadata",
                   concat("[", json_string(vm), R"(,{"name":"redis/7c1e","note":"<&\"'> 🙂 \u0007\n"}])"))
              .require_ok()
              .result()
              .is_null());

    // A disk comes, twice with the same hint, and is where the hint says.
    const std::string disk = cpi.cid("create_disk", concat("[64,{},", json_string(vm), "]"));
    CHECK(cpi.call("has_disk", json_list({disk})).require_ok().result_text() == "true");
    CHECK(cpi.call("has_disk", R"(["disk-absent"])").require_ok().result_text() == "false");
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == "[]");
    text.write_while_detached(disk, "written-by-first");
    const std::string hint = attach(cpi, vm, disk);
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text() == hint);
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == json_list({disk}));
    mount_in_guest(lab, vm, disk, hint);
    text.write_in_guest(vm, "written-by-first");
    CHECK(cpi.call("set_disk_metadata", concat("[", json_string(disk), R"(,{"instance_id":"x"}])")).ok());

    // Attached, it can be neither deleted nor given to another VM.
    CHECK(cpi.call("delete_disk", json_list({disk})).error_type() == "Bosh::Clouds::CloudError");
    const std::string second = cpi.create_vm(stemcell, 151);
    const Reply stolen = cpi.call("attach_disk", json_list({second, disk}));
    CHECK(stolen.error_type() == "Bosh::Clouds::CloudError");
    CHECK(stolen.message().find(vm) != std::string::npos);

    // A snapshot of a disk in use is what it is now.
    const std::string snapshot = cpi.cid("snapshot_disk", concat("[", json_string(disk), ",{}]"));
    CHECK(cpi.names_in("snapshots").contains(snapshot));
    static_cast<void>(cpi.report(vm));
    CHECK(text.read(vm, disk) == "written-by-first");

    // It goes, and takes its contents to the second VM.
    unmount_in_guest(lab, vm);
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).require_ok().result().is_null());
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).error_type() == "Bosh::Clouds::DiskNotAttached");
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == "[]");
    CHECK((lab.asks_guests() || text.read(vm, disk) == "written-by-first"));
    text.write_while_detached(disk, "written-by-second");
    mount_in_guest(lab, second, disk, attach(cpi, second, disk));
    CHECK((!lab.asks_guests() || text.read(second, disk) == "written-by-first"));
    text.write_in_guest(second, "written-by-second");

    // delete_vm with the disk attached keeps the disk and what is on it.
    CHECK(cpi.call("delete_vm", json_list({second})).require_ok().result().is_null());
    CHECK(cpi.call("has_vm", json_list({second})).require_ok().result_text() == "false");
    CHECK_FALSE(lab.answers(second));
    CHECK_FALSE(cpi.names_in("vms").contains(second));
    CHECK(cpi.call("delete_vm", json_list({second})).error_type() == "Bosh::Clouds::VMNotFound");
    CHECK(cpi.call("detach_disk", json_list({second, disk})).error_type() == "Bosh::Clouds::DiskNotAttached");

    // Bigger, it is found to be so; of the snapshot it becomes what it was.
    CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",96]")).ok());
    mount_in_guest(lab, vm, disk, attach(cpi, vm, disk));
    CHECK(text.read(vm, disk) == "written-by-second");
    check_size(lab, cpi, vm, disk);
    unmount_in_guest(lab, vm);
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());
    CHECK(cpi.call("update_disk", concat("[", json_string(disk), ",112,{}]")).ok());
    CHECK(cpi.operate({"restore-disk", snapshot}).status == 0);
    mount_in_guest(lab, vm, disk, attach(cpi, vm, disk));
    CHECK(text.read(vm, disk) == "written-by-first");

    // After a reboot the disk is there again.
    CHECK(cpi.call("reboot_vm", json_list({vm})).require_ok().result().is_null());
    static_cast<void>(cpi.report(vm));
    mount_in_guest(lab, vm, disk, hint);
    CHECK(text.read(vm, disk) == "written-by-first");

    // A VM does not need its stemcell to stay.
    CHECK(cpi.call("delete_stemcell", json_list({stemcell})).ok());
    CHECK(cpi.call("delete_stemcell", json_list({stemcell})).ok());
    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    static_cast<void>(cpi.report(vm));

    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(cpi.call("delete_snapshot", json_list({snapshot})).ok());
    CHECK(cpi.call("delete_disk", json_list({disk})).require_ok().result().is_null());
    CHECK(cpi.call("delete_disk", json_list({disk})).error_type() == "Bosh::Clouds::DiskNotFound");
    CHECK(cpi.call("has_disk", json_list({disk})).require_ok().result_text() == "false");
    for (const auto* kind : {"vms", "disks", "snapshots", "stemcells", ".in-progress"}) {
        CAPTURE(kind);
        CHECK(cpi.names_in(kind).empty());
    }

    if (!lab.row().why_no_networks.empty()) {
        CHECK(cpi.call("create_network", R"([{"type":"manual","range":"10.99.0.0/24"}])").error_type() ==
              "Bosh::Clouds::NotSupported");
        CHECK(cpi.call("delete_network", R"(["net-absent"])").error_type() == "Bosh::Clouds::NotSupported");
    } else {
        const Reply network =
            cpi.call("create_network", R"([{"type":"manual","range":"10.99.0.0/24","gateway":"10.99.0.1"}])");
        const std::string net = network.require_ok().result().items().front().string();
        CHECK(cpi.call("delete_network", json_list({net})).ok());
    }

    // The README's table says yes for what was called here, and for nothing else.
    for (const Method& method : methods()) {
        CAPTURE(method.name);
        CHECK(cpi.called().contains(std::string{method.name}) == (method.call != nullptr));
    }
}

} // namespace cpi::test
