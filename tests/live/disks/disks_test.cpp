// Persistent disks on real QEMU, beyond what the life cycle shows.

#include "base/text.h"
#include "conformance/qemu_lab.h"
#include "src/caught.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace cpi::test {

namespace {

constexpr std::int64_t mebibyte = 1024 * 1024;

std::string resize(const std::string& disk, int mebibytes)
{
    return concat("[", json_string(disk), ",", mebibytes, "]");
}

} // namespace

TEST_CASE("resize_disk grows a disk that is detached and one that is in use, and refuses to shrink either")
{
    const Bench& bench = Bench::for_all();
    const QemuCpi& cpi = bench.cpi;
    const std::string& vm = bench.vm;
    const std::string disk = cpi.cid("create_disk", "[32,{},null]");

    CHECK(cpi.call("resize_disk", resize(disk, 48)).require_ok().result().is_null());
    const Reply shrunk = cpi.call("resize_disk", resize(disk, 47));
    CHECK(shrunk.error_type() == "Bosh::Clouds::NotSupported");
    CHECK(shrunk.message().find("48 MiB") != std::string::npos);

    const std::string hint = bench.attach(disk);
    const std::string device = in_guest(vm, concat("resolve-disk ", disk, " ", shell_quote(hint)));
    const std::string size = concat("blockdev --getsize64 ", device);
    CHECK(in_guest(vm, size) == std::to_string(48 * mebibyte));
    static_cast<void>(in_guest(
        vm, concat("mount-disk ", disk, " ", shell_quote(hint), " /mnt && echo kept > /mnt/marker")));

    // In use: the guest sees the new size at once, and its file system grows into it.
    CHECK(cpi.call("resize_disk", resize(disk, 96)).require_ok().result().is_null());
    CHECK(in_guest(vm, size) == std::to_string(96 * mebibyte));
    CHECK(cpi.call("resize_disk", resize(disk, 96)).ok());
    CHECK(cpi.call("resize_disk", resize(disk, 95)).error_type() == "Bosh::Clouds::NotSupported");
    static_cast<void>(in_guest(vm, concat("resize2fs ", device)));
    CHECK(in_guest(vm, "cat /mnt/marker") == "kept");

    // As a call leaves it that is killed before it has written down the new size.
    const auto forget_size = [&](const char* mebibytes) {
        const auto record = cpi.store() / "disks" / disk / "disk.json";
        REQUIRE(run_program({"sed", "-i", concat("s/\\(\"size_mib\": \\)[0-9]*/\\1", mebibytes, "/"),
                             record.native()})
                    .status == 0);
    };
    const auto check_refused = [&](int mebibytes) {
        const Reply refused = cpi.call("resize_disk", resize(disk, mebibytes));
        CHECK(refused.error_type() == "Bosh::Clouds::NotSupported");
        check_says(refused.message(), {"has 96 MiB", concat("cannot shrink to ", mebibytes)});
    };
    forget_size("48");
    check_refused(64);
    CHECK(in_guest(vm, size) == std::to_string(96 * mebibyte));
    CHECK(cpi.call("resize_disk", resize(disk, 96)).ok());
    static_cast<void>(in_guest(vm, concat("umount /mnt; e2fsck -fn ", device)));

    // In the definition of a VM that is off: the image itself is resized.
    static_cast<void>(virsh({"destroy", vm}));
    forget_size("48");
    check_refused(64);
    CHECK(cpi.call("resize_disk", resize(disk, 128)).require_ok().result().is_null());
    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    CHECK(in_guest(vm, concat("blockdev --getsize64 $(resolve-disk ", disk, " ", shell_quote(hint), ")")) ==
          std::to_string(128 * mebibyte));
    bench.detach(disk);
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());

    CHECK(cpi.call("resize_disk", R"(["disk-absent",64])").error_type() == "Bosh::Clouds::DiskNotFound");
    CHECK(cpi.call("resize_disk", resize(disk, 0)).error_type() == "InvalidCall");
}

TEST_CASE(
    "snapshot_disk copies a disk that a guest writes to, whole and as of that moment, and a detached one")
{
    const Bench& bench = Bench::for_all();
    const QemuCpi& cpi = bench.cpi;
    const std::string& vm = bench.vm;
    const std::string disk = cpi.cid("create_disk", "[64,{},null]");
    const auto snapshot = [&] {
        return cpi.cid("snapshot_disk",
                       concat("[", json_string(disk), R"(,{"deployment":"d","job":"j","index":0}])"));
    };
    const auto image_of = [&](std::string_view kind, const std::string& cid) {
        return cpi.store() / kind / cid / "disk.qcow2";
    };
    const std::string hint = bench.attach(disk);
    static_cast<void>(in_guest(vm, concat("mount-disk ", disk, " ", shell_quote(hint), " /mnt")));
    static_cast<void>(in_guest(vm, "echo before > /mnt/marker; sync"));
    static_cast<void>(in_guest(vm, "(while [ ! -e /stop ]; do dd if=/dev/zero of=/mnt/load bs=64k count=40; "
                                   "sync; done) >/dev/null 2>&1 &"));

    const std::string live = snapshot();
    // A guest that a killed call has left waiting goes on after the next one.
    static_cast<void>(virsh({"domfsfreeze", vm}));
    CHECK(cpi.call("delete_snapshot", json_list({snapshot()})).ok());
    static_cast<void>(in_guest(vm, "echo after > /mnt/marker; sync; touch /stop; sleep 1; umount /mnt"));
    bench.detach(disk);
    const std::string detached = snapshot();
    CHECK(read_file(cpi.store() / "snapshots" / live / "snapshot.json").find(disk) != std::string::npos);
    // The copies need nothing else, and hold no more than the data.
    CHECK(run_program({"qemu-img", "info", image_of("snapshots", live).native()}).out.find("backing file") ==
          std::string::npos);
    CHECK(std::filesystem::file_size(image_of("snapshots", detached)) < 32 * mebibyte);

    for (const auto& each : {std::pair{live, "before"}, std::pair{detached, "after"}}) {
        const auto& copy = each.first;
        CAPTURE(each.second);
        const std::string other = cpi.cid("create_disk", "[64,{},null]");
        std::filesystem::copy_file(image_of("snapshots", copy), image_of("disks", other),
                                   std::filesystem::copy_options::overwrite_existing);
        const std::string other_hint = bench.attach(other);
        const std::string device = in_guest(vm, concat("resolve-disk ", other, " ", shell_quote(other_hint)));
        static_cast<void>(in_guest(vm, concat("mkdir -p /copy && mount ", device, " /copy")));
        CHECK(in_guest(vm, "cat /copy/marker") == each.second);
        static_cast<void>(in_guest(vm, concat("umount /copy && e2fsck -fn ", device)));
        bench.detach(other);
    }

    // Deleting the disk leaves its snapshots, and the other way round.
    CHECK(cpi.call("delete_snapshot", json_list({live})).require_ok().result().is_null());
    CHECK_FALSE(std::filesystem::exists(cpi.store() / "snapshots" / live));
    CHECK(cpi.call("delete_snapshot", json_list({live})).ok());
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
    CHECK(std::filesystem::exists(image_of("snapshots", detached)));
    CHECK(cpi.call("snapshot_disk", R"(["disk-absent",{}])").error_type() == "Bosh::Clouds::DiskNotFound");
}

TEST_CASE("snapshot_disk whose job is ended, or that is interrupted or killed itself, leaves nothing")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string vm =
        cpi.create_vm(stemcell, concat(R"({"net":)", manual_network("192.168.122.197"), "}"));
    const std::string disk = cpi.cid("create_disk", "[2048,{},null]");
    // So much data that there is time to interfere.
    REQUIRE(run_program({"qemu-img", "create", "-q", "-f", "qcow2", "-o", "preallocation=full",
                         (cpi.store() / "disks" / disk / "disk.qcow2").native(), "2G"})
                .status == 0);
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).ok());

    const std::string config = (cpi.store().parent_path() / "cpi.json").native();
    const std::string request = concat(R"({"method":"snapshot_disk","arguments":[)", json_string(disk),
                                       R"(,{}],"context":{"director_uuid":"d"},"api_version":2})");
    const auto nothing_left = [&] {
        CHECK(std::filesystem::is_empty(cpi.store() / "snapshots"));
        CHECK(cpi.leftovers() == concat("vms/", vm, "\n"));
        CHECK(virsh({"domjobinfo", vm}).find("None") != std::string::npos);
    };
    const Reply interrupted{
        run_program({"timeout", "-s", "TERM", "0.25", LIBVIRT_CPI_EXECUTABLE, "--config", config}, request)};
    CHECK(interrupted.message().find("interrupted") != std::string::npos);
    nothing_left();

    // A killed call's job goes on until the next one takes its traces away.
    static_cast<void>(
        run_program({"timeout", "-s", "KILL", "0.4", LIBVIRT_CPI_EXECUTABLE, "--config", config}, request));
    CHECK(virsh({"domjobinfo", vm}).find("Backup") != std::string::npos);
    const Reply next{
        run_program({"timeout", "-s", "TERM", "0.6", LIBVIRT_CPI_EXECUTABLE, "--config", config}, request)};
    CHECK(next.message().find("interrupted") != std::string::npos);
    nothing_left();

    // One connection that tries all the time: it does not miss the job.
    const std::string spoiler = concat("yes 'domjobabort ", vm, "' | virsh -q -c ", shell_quote(lab_uri()),
                                       " >/dev/null 2>&1 & spoiler=$!; ");
    const Reply aborted{run_program(
        {"sh", "-c", concat(spoiler, LIBVIRT_CPI_EXECUTABLE, " --config ", config, "; kill $spoiler")},
        request)};
    CHECK(aborted.message().find("the job ended before it was done") != std::string::npos);
    nothing_left();
}

TEST_CASE("32 disks come to one running VM, eight at a time, and are found by their hints after a reboot")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string vm =
        cpi.create_vm(stemcell, concat(R"({"net":)", manual_network("192.168.122.198"), "}"));
    static_cast<void>(cpi.boot_report(vm));
    const std::string config = (cpi.store().parent_path() / "cpi.json").native();
    const auto pair_with = [&](const std::string& disk) { return json_list({vm, disk}); };

    std::vector<std::string> disks;
    for (int round = 0; round < 4; ++round) {
        std::string at_once;
        for (int i = 0; i < 8; ++i) {
            disks.push_back(cpi.cid("create_disk", concat("[", 8 + disks.size(), ",{},null]")));
            at_once += concat("echo '{\"method\":\"attach_disk\",\"arguments\":", pair_with(disks.back()),
                              ",\"context\":{\"director_uuid\":\"d\"},\"api_version\":2}' | ",
                              LIBVIRT_CPI_EXECUTABLE, " --config ", config, " & ");
        }
        const Ran ran = run_program({"sh", "-c", at_once + "wait"});
        CHECK(ran.out.find(R"("error":{)") == std::string::npos);
    }
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result().items().size() == 32);

    // Others going changes nothing for those that stay.
    const std::vector<std::string> gone{disks[0], disks[13], disks[31]};
    for (const auto& disk : gone)
        CHECK(cpi.call("detach_disk", pair_with(disk)).ok());
    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    const std::string found =
        in_guest(vm, "for link in /dev/disk/by-id/scsi-*; do echo $link $(blockdev --getsize64 $link); done");
    for (std::size_t i = 0; i < disks.size(); ++i) {
        CAPTURE(i);
        const Reply hint = cpi.call("attach_disk", pair_with(disks[i]));
        REQUIRE(hint.ok());
        if (std::ranges::find(gone, disks[i]) != gone.end())
            continue; // only now it comes back
        const std::string line = concat(hint.result().at("path").string(), " ",
                                        std::to_string((8 + static_cast<std::int64_t>(i)) * mebibyte));
        CHECK(found.find(line) != std::string::npos);
    }
}

} // namespace cpi::test
