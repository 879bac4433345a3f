// What can be chosen of disks, on real QEMU: encryption, limits, pools, formats; and disks that become
// others.

#include "base/text.h"
#include "conformance/qemu_lab.h"

#include <doctest/doctest.h>

#include <chrono>
#include <set>

namespace cpi::test {

namespace {

namespace fs = std::filesystem;

Ran restore(const QemuCpi& cpi, const std::vector<std::string>& words)
{
    std::vector<std::string> argv{LIBVIRT_CPI_EXECUTABLE, "--config", cpi.config_file(), "restore-disk"};
    argv.insert(argv.end(), words.begin(), words.end());
    return run_program(argv);
}

std::string update(const std::string& disk, int mebibytes, std::string_view properties)
{
    return concat("[", json_string(disk), ",", mebibytes, ",", properties, "]");
}

std::string all_secrets()
{
    return virsh({"secret-list"});
}

bool libvirt_has_secret_of(const std::string& object)
{
    return all_secrets().find(concat("libvirt-cpi/", object)) != std::string::npos;
}

std::set<std::string> names_in(const fs::path& folder)
{
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator{folder})
        names.insert(entry.path().filename().native());
    return names;
}

/// A storage pool of libvirt's, for as long as it lives.
class Pool : private Pinned {
public:
    explicit Pool(std::string name) : name_{std::move(name)}
    {
        fs::create_directory(path());
        fs::permissions(path(), fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
        static_cast<void>(virsh({"pool-define-as", name_, "dir", "--target", path().native()}));
        static_cast<void>(virsh({"pool-start", name_}));
    }
    ~Pool()
    {
        try {
            static_cast<void>(virsh({"pool-destroy", name_}));
            static_cast<void>(virsh({"pool-undefine", name_}));
        } catch (const std::exception&) {
            MESSAGE("the pool stays");
        }
    }
    [[nodiscard]] fs::path path() const { return folder_.path() / "pool"; }
    [[nodiscard]] std::string property() const { return concat(R"("storage_pool":")", name_, R"(")"); }

private:
    TempDir folder_;
    std::string name_;
};

} // namespace

TEST_CASE("an encrypted disk works like any other, shows nothing without its secret, and takes it along when "
          "it goes")
{
    const Bench& bench = Bench::for_all();
    const std::string secrets_before = all_secrets();
    const QemuCpi& cpi = bench.cpi;
    for (const std::string format : {"qcow2", "raw"}) {
        CAPTURE(format);
        const std::string properties = concat(R"({"encryption":"luks","format":")", format, R"("})");
        const std::string disk = cpi.cid("create_disk", concat("[48,", properties, ",null]"));
        const auto image = cpi.store() / "disks" / disk / concat("disk.", format);
        CHECK(libvirt_has_secret_of(disk));
        CHECK(bench.on_disk(disk, "yes secret-marker | head -c 100000 > marker; sync; echo done") == "done");
        CHECK(read_file(image).find("secret-marker") == std::string::npos);
        CHECK(run_program({"qemu-img", "convert", "-f", format == "raw" ? "luks" : format, "-O", "raw",
                           image.native(), (cpi.store() / "stolen").native()})
                  .status != 0);

        CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",64]")).ok());
        const std::string marker = "head -n 1 marker; df -m /mnt | tail -n 1 | awk '{print ($2 > 50)}'";
        CHECK(bench.on_disk(disk, marker) == "secret-marker\n1");

        // A copy of it has a secret of its own, whether it is made of a file or of a disk in use.
        const std::string detached = bench.snapshot(disk);
        static_cast<void>(bench.attach(disk));
        const std::string live = bench.snapshot(disk);
        CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",80]")).ok());
        bench.detach(disk);
        for (const auto& snapshot : {detached, live}) {
            CHECK(libvirt_has_secret_of(snapshot));
            CHECK(read_file(cpi.store() / "snapshots" / snapshot / concat("disk.", format))
                      .find("secret-marker") == std::string::npos);
        }
        const std::string other = format == "raw" ? "qcow2" : "raw";
        CHECK(cpi.cid("update_disk",
                      update(disk, 80, concat(R"({"encryption":"luks","format":")", other, R"("})"))) ==
              disk);
        CHECK(bench.on_disk(disk, marker) == "secret-marker\n1");
        CHECK(read_file(cpi.store() / "disks" / disk / concat("disk-2.", other)).find("secret-marker") ==
              std::string::npos);

        CHECK(cpi.call("delete_disk", json_list({disk})).ok());
        CHECK_FALSE(libvirt_has_secret_of(disk));
        const std::string restored = trim(restore(cpi, {live, "--as-new"}).out);
        CHECK(bench.on_disk(restored, marker) == "secret-marker\n1");
        for (const auto& snapshot : {detached, live}) {
            CHECK(cpi.call("delete_snapshot", json_list({snapshot})).ok());
            CHECK_FALSE(libvirt_has_secret_of(snapshot));
        }
        CHECK(bench.on_disk(restored, marker) == "secret-marker\n1");
        CHECK(cpi.call("delete_disk", json_list({restored})).ok());
    }
    CHECK(all_secrets() == secrets_before);
}

TEST_CASE("an encrypted disk whose secret is gone is an error that names it")
{
    const QemuCpi cpi;
    const std::string disk = cpi.cid("create_disk", R"([16,{"encryption":"luks"},null])");
    const auto lines = split(all_secrets(), '\n');
    for (const auto& line : lines)
        if (line.find(disk) != std::string::npos)
            static_cast<void>(virsh({"secret-undefine", split(trim(line), ' ').front()}));
    const Reply reply = cpi.call("resize_disk", concat("[", json_string(disk), ",32]"));
    CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
    CHECK(reply.message().find(concat("libvirt-cpi/", disk)) != std::string::npos);
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
}

TEST_CASE("limits of a disk can be felt in the guest, and update_disk lifts them")
{
    const Bench& bench = Bench::for_all();
    const QemuCpi& cpi = bench.cpi;
    const std::string disk =
        cpi.cid("create_disk", R"([32,{"write_bandwidth":1024,"cache":"none","io":"native"},null])");
    const auto seconds_to_write = [&] {
        const std::string device = concat("$(resolve-disk ", disk, " ", shell_quote(bench.attach(disk)), ")");
        const std::string took = in_guest(
            bench.vm,
            concat(
                "d=", device,
                "; b=$(cut -d' ' -f1 /proc/uptime); dd if=/dev/zero of=$d bs=1M count=6 conv=fsync "
                "2>/dev/null; e=$(cut -d' ' -f1 /proc/uptime); echo $b $e | awk '{print int(($2-$1)*100)}'"));
        bench.detach(disk);
        return std::stod(took) / 100;
    };
    const double limited = seconds_to_write();
    CHECK(cpi.cid("update_disk", update(disk, 32, R"({"cache":"writethrough","iops":10000})")) == disk);
    const double lifted = seconds_to_write();
    CAPTURE(limited);
    CAPTURE(lifted);
    CHECK(limited > 4);
    CHECK(limited > 3 * lifted);
    static_cast<void>(bench.attach(disk));
    const std::string definition = virsh({"dumpxml", bench.vm});
    CHECK(definition.find("cache='writethrough'") != std::string::npos);
    CHECK(definition.find("<total_iops_sec>10000</total_iops_sec>") != std::string::npos);
    bench.detach(disk);
}

TEST_CASE("update_disk makes a disk another one, with its contents, and refuses what it cannot do untouched")
{
    const Bench& bench = Bench::for_all();
    const QemuCpi& cpi = bench.cpi;
    const Pool pool{"update-pool"};
    const std::string disk = cpi.cid("create_disk", R"([32,{"type":"theirs"},null])");
    const auto folder = cpi.store() / "disks" / disk;
    const auto kept = [&] {
        return bench.on_disk(disk, "cat marker; df -m /mnt | tail -n 1 | awk '{print $2}'");
    };
    static_cast<void>(bench.on_disk(disk, "echo kept > marker"));
    const std::string small = kept();
    CHECK(small.starts_with("kept\n"));

    CHECK(cpi.cid("update_disk", update(disk, 32, R"({"format":"raw","preallocation":"falloc"})")) == disk);
    CHECK(names_in(folder) == std::set<std::string>{"disk-2.raw", "disk.json", "lock"});
    CHECK(kept() == small);
    CHECK(cpi.cid("update_disk", update(disk, 64, concat("{", pool.property(), "}"))) == disk);
    CHECK(fs::is_symlink(folder / "disk.qcow2"));
    CHECK(names_in(pool.path()) == std::set<std::string>{concat(disk, "-disk.qcow2")});
    CHECK(virsh({"vol-list", "update-pool"}).find(disk) != std::string::npos);
    const std::string large = kept();
    CHECK(large.starts_with("kept\n"));
    CHECK(large != small);
    CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",96]")).ok());
    CHECK(kept() != large);

    const std::string record = read_file(folder / "disk.json");
    const auto refused = [&](int size, std::string_view properties) {
        const auto names = names_in(folder);
        CHECK(names.contains("disk.qcow2"));
        CHECK(cpi.call("update_disk", update(disk, size, properties)).error_type() ==
              "Bosh::Clouds::NotSupported");
        CHECK(read_file(folder / "disk.json") == record);
        CHECK(names_in(folder) == names);
    };
    refused(95, "{}");
    refused(96, R"({"encryption":"luks"})");
    static_cast<void>(bench.attach(disk));
    refused(96, R"({"format":"raw"})");
    bench.detach(disk);
    CHECK(
        cpi.call("update_disk", update(disk, 96, R"({"storage_pool":"absent"})")).message().find("absent") !=
        std::string::npos);
    CHECK(cpi.call("update_disk", update("disk-absent", 96, "{}")).error_type() ==
          "Bosh::Clouds::DiskNotFound");
    CHECK(cpi.call("update_disk", update(disk, 96, R"({"format":"vdi"})")).error_type() ==
          "Bosh::Clouds::NotSupported");

    CHECK(cpi.cid("update_disk", update(disk, 96, "{}")) == disk);
    CHECK(names_in(pool.path()).empty());
    CHECK(cpi.cid("update_disk", update(disk, 96, concat("{", pool.property(), "}"))) == disk);
    static_cast<void>(virsh({"pool-destroy", "update-pool"}));
    CHECK(cpi.call("delete_disk", json_list({disk})).message().find("not active") != std::string::npos);
    static_cast<void>(virsh({"pool-start", "update-pool"}));
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
    CHECK(names_in(pool.path()).empty());
    CHECK(virsh({"vol-list", "update-pool"}).find(disk) == std::string::npos);
}

TEST_CASE("update_disk that is killed at any moment leaves the disk whole, and a repeat leaves nothing else")
{
    const QemuCpi cpi;
    const std::string disk = cpi.cid("create_disk", R"([64,{"format":"raw"},null])");
    const auto folder = cpi.store() / "disks" / disk;
    const std::string contents = concat(std::string(20 << 20, 'a'), std::string(20 << 20, 'b'));
    TempDir elsewhere;
    const auto file = elsewhere.write("contents", contents);
    REQUIRE(run_program({"dd", concat("if=", file), concat("of=", (folder / "disk.raw").native()), "bs=1M",
                         "conv=notrunc"})
                .status == 0);
    const auto check_contents = [&] {
        const json::Document record = json::parse(read_file(folder / "disk.json"), "it");
        const std::string image = json::root(record).at("image").string();
        const std::string format = json::root(record).at("format").string();
        const auto copy = (elsewhere.path() / "copy").native();
        REQUIRE(
            run_program({"qemu-img", "convert", "-f", format, "-O", "raw", (folder / image).native(), copy})
                .status == 0);
        CHECK((read_file(copy).substr(0, contents.size()) == contents));
    };
    std::set<std::string> endings;
    for (int step = 1; step <= 24; ++step) {
        CAPTURE(step);
        const std::string format = step % 2 == 0 ? "raw" : "qcow2";
        const std::string request = concat(R"({"method":"update_disk","arguments":)",
                                           update(disk, 64, concat(R"({"format":")", format, R"("})")),
                                           R"(,"context":{"director_uuid":"d"},"api_version":2})");
        const Ran killed = run_program({"timeout", "-s", "KILL", concat("0.", step < 10 ? "0" : "", step),
                                        LIBVIRT_CPI_EXECUTABLE, "--config", cpi.config_file()},
                                       request);
        endings.insert(killed.status == 0 ? "in time" : "killed");
        check_contents();
        // Whatever call is next on the disk removes the image that is not the disk's.
        CHECK(cpi.call("set_disk_metadata", concat("[", json_string(disk), ",{}]")).ok());
        CHECK(names_in(folder).size() == 3); // the lock, the record and one image
    }
    CHECK(endings.contains("killed"));
    CHECK(cpi.cid("update_disk", update(disk, 64, R"({"format":"qcow2"})")) == disk);
    CHECK(cpi.cid("update_disk", update(disk, 64, R"({"format":"raw"})")) == disk);
    check_contents();
    CHECK(names_in(folder).size() == 3); // the lock, the record and one image
}

TEST_CASE("an old image that update_disk cannot remove goes with the next call on the disk")
{
    const QemuCpi cpi;
    const std::string disk = cpi.cid("create_disk", R"([64,{"format":"raw"},null])");
    const auto folder = cpi.store() / "disks" / disk;
    const std::string old = (folder / "disk.raw").native();
    REQUIRE(run_program({"chattr", "+i", old}).status == 0);
    CHECK(cpi.cid("update_disk", update(disk, 64, R"({"format":"qcow2"})")) == disk);
    CHECK(names_in(folder) == std::set<std::string>{"disk-2.qcow2", "disk.json", "disk.raw", "lock"});
    REQUIRE(run_program({"chattr", "-i", old}).status == 0);
    CHECK(cpi.call("set_disk_metadata", concat("[", json_string(disk), ",{}]")).ok());
    CHECK(names_in(folder) == std::set<std::string>{"disk-2.qcow2", "disk.json", "lock"});
    CHECK(read_file(folder / "disk.json").find("has_other_images") == std::string::npos);
}

TEST_CASE("restore-disk makes a disk what it was, or a new one, and never one that is in use")
{
    const Bench& bench = Bench::for_all();
    const QemuCpi& cpi = bench.cpi;
    const std::string disk = cpi.cid("create_disk", R"([32,{"type":"theirs"},null])");
    static_cast<void>(bench.on_disk(disk, "echo then > marker"));
    const std::string snapshot = bench.snapshot(disk);
    static_cast<void>(bench.on_disk(disk, "echo now > marker"));
    CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",64]")).ok());

    static_cast<void>(bench.attach(disk));
    const Ran in_use = restore(cpi, {snapshot});
    CHECK(in_use.status == 1);
    CHECK(in_use.err.find(bench.vm) != std::string::npos);
    CHECK(in_use.out.empty());
    bench.detach(disk);
    CHECK(bench.on_disk(disk, "cat marker") == "now");

    const std::string fresh = trim(restore(cpi, {snapshot, "--as-new"}).out);
    CHECK(fresh != disk);
    CHECK(bench.on_disk(fresh, "cat marker") == "then");
    CHECK(bench.on_disk(disk, "cat marker") == "now");
    CHECK(trim(restore(cpi, {snapshot}).out) == disk);
    // The Director knows the disk with 64 MiB.
    CHECK(bench.on_disk(disk, "cat marker; df -m /mnt | tail -n 1 | awk '{print ($2 > 40)}'") == "then\n1");
    CHECK(names_in(cpi.store() / "disks" / disk).size() == 3);

    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
    const Ran without = restore(cpi, {snapshot});
    CHECK(without.status == 1);
    CHECK(without.err.find("--as-new") != std::string::npos);
    CHECK(restore(cpi, {snapshot, "--as-new"}).status == 0);
    const Ran absent = restore(cpi, {"snap-absent"});
    CHECK(absent.status == 1);
    CHECK(absent.err.find("snapshot 'snap-absent' not found") != std::string::npos);
    CHECK(restore(cpi, {"snap-absent", "--as-old"}).status == 2);
    CHECK(restore(cpi, {}).status == 2);
}

TEST_CASE("a VM's own disks can be encrypted, raw, laid out in full, limited, and in a pool")
{
    const QemuCpi cpi;
    const std::string secrets_before = all_secrets();
    const Pool pool{"vm-pool"};
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string networks = concat(R"({"net":)", manual_network("192.168.122.144"), "}");
    const auto with = [&](std::string_view more) {
        return cpi.create_vm(stemcell, networks, concat(R"({"memory":256,"ephemeral_disk":64,)", more, "}"));
    };
    const auto works = [&](const std::string& vm) {
        static_cast<void>(cpi.boot_report(vm));
        CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
        static_cast<void>(in_guest(vm, "mount | grep -q /var/vcap/data"));
    };

    // It would not be there when the VMs start with the host.
    const auto warns = [&] {
        const Reply made = cpi.call("create_disk", concat("[16,{", pool.property(), "},null]"));
        CHECK(cpi.call("delete_disk", json_list({made.require_ok().result().string()})).ok());
        return made.ran().err.find("the storage pool 'vm-pool' does not start with the host") !=
               std::string::npos;
    };
    CHECK(warns());
    static_cast<void>(virsh({"pool-autostart", "vm-pool"}));
    CHECK_FALSE(warns());

    const std::string locked = with(concat(R"("encryption":"luks",)", pool.property()));
    works(locked);
    CHECK(names_in(pool.path()) ==
          std::set<std::string>{concat(locked, "-root.qcow2"), concat(locked, "-ephemeral.raw")});
    CHECK(libvirt_has_secret_of(locked));
    static_cast<void>(in_guest(locked, "yes secret-marker | head -c 100000 > /var/vcap/data/marker; sync"));
    CHECK(read_file(pool.path() / concat(locked, "-ephemeral.raw")).find("secret-marker") ==
          std::string::npos);
    CHECK(cpi.call("delete_stemcell", json_list({stemcell})).ok());
    CHECK(cpi.call("reboot_vm", json_list({locked})).ok());
    CHECK(cpi.call("delete_vm", json_list({locked})).ok());
    CHECK(names_in(pool.path()).empty());
    CHECK_FALSE(libvirt_has_secret_of(locked));

    const std::string again = cpi.create_stemcell("openstack-qcow2");
    const std::string full = cpi.create_vm(
        again, networks,
        R"({"memory":256,"ephemeral_disk":64,"root_disk":192,"format":"raw","preallocation":"falloc","iops":5000})");
    works(full);
    CHECK(fs::file_size(cpi.store() / "vms" / full / "root.raw") == 192 << 20);
    CHECK_FALSE(fs::exists(cpi.store() / "vms" / full / "base.qcow2"));
    CHECK(virsh({"dumpxml", full}).find("<total_iops_sec>5000</total_iops_sec>") != std::string::npos);
    CHECK(cpi.call("delete_vm", json_list({full})).ok());

    // What fails on the way leaves nothing in the pool, and no secret.
    const Reply failed = cpi.try_create_vm(
        again, R"({"net":{"type":"dynamic","cloud_properties":{"bridge":"absent0"}}})",
        concat(R"({"memory":256,"ephemeral_disk":64,"encryption":"luks",)", pool.property(), "}"));
    CHECK(failed.error_type() == "Bosh::Clouds::CloudError");
    CHECK(names_in(pool.path()).empty());
    CHECK(all_secrets() == secrets_before);
    CHECK(cpi.leftovers().empty());
}

TEST_CASE("calls on disks that are killed at any moment can be made again, and in the end nothing is left")
{
    const QemuCpi cpi;
    const std::string secrets_before = all_secrets();
    const Pool pool{"kill-pool"};
    const std::string vm = cpi.create_vm(cpi.create_stemcell("openstack-qcow2"),
                                         concat(R"({"net":)", manual_network("192.168.122.145"), "}"));
    const auto killed = [&](std::string_view method, const std::string& arguments, const std::string& after) {
        const std::string request = concat(R"({"method":")", method, R"(","arguments":)", arguments,
                                           R"(,"context":{"director_uuid":"d"},"api_version":2})");
        static_cast<void>(run_program(
            {"timeout", "-s", "KILL", after, LIBVIRT_CPI_EXECUTABLE, "--config", cpi.config_file()},
            request));
    };
    // Whether a killed call had done its work already is not to be known: its repeat may say that.
    const auto repeat = [&](std::string_view method, const std::string& arguments, std::string_view done) {
        const Reply reply = cpi.call(method, arguments);
        CAPTURE(method);
        const std::string said = reply.ok() ? "" : reply.message();
        CAPTURE(said);
        CHECK((reply.ok() || reply.error_type() == done));
    };
    const std::string properties = concat(R"({"encryption":"luks",)", pool.property(), "}");
    for (const std::string after : {"0.004", "0.01", "0.02", "0.04", "0.08", "0.16", "0.3", "0.6"}) {
        CAPTURE(after);
        const std::string create = concat("[16,", properties, ",null]");
        killed("create_disk", create, after);
        const std::string disk = cpi.cid("create_disk", create);
        const std::string both = json_list({vm, disk});
        killed("attach_disk", both, after);
        const std::string hint = cpi.call("attach_disk", both).require_ok().result_text();
        CHECK(cpi.call("attach_disk", both).require_ok().result_text() == hint);
        const std::string take = concat("[", json_string(disk), ",{}]");
        killed("snapshot_disk", take, after);
        const std::string snapshot = cpi.cid("snapshot_disk", take);
        killed("resize_disk", concat("[", json_string(disk), ",24]"), after);
        CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",24]")).ok());
        killed("detach_disk", both, after);
        repeat("detach_disk", both, "Bosh::Clouds::DiskNotAttached");
        CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == "[]");
        killed("delete_snapshot", json_list({snapshot}), after);
        repeat("delete_snapshot", json_list({snapshot}), "");
        killed("delete_disk", json_list({disk}), after);
        repeat("delete_disk", json_list({disk}), "Bosh::Clouds::DiskNotFound");
    }
    // The next calls of each kind take away what is left.
    const std::string last = cpi.cid("create_disk", "[16,{},null]");
    const std::string copy = cpi.cid("snapshot_disk", concat("[", json_string(last), ",{}]"));
    CHECK(cpi.call("delete_snapshot", json_list({copy})).ok());
    CHECK(cpi.call("delete_disk", json_list({last})).ok());
    CHECK(names_in(cpi.store() / "disks").empty());
    CHECK(names_in(cpi.store() / "snapshots").empty());
    CHECK(names_in(pool.path()).empty());
    CHECK(all_secrets() == secrets_before);
    CHECK(cpi.leftovers() == concat("vms/", vm, "\n"));
}

TEST_CASE("a pool's directory that the CPI's user may not write to is told, with what to do")
{
    const QemuCpi cpi;
    const Pool pool{"closed-pool"};
    fs::permissions(pool.path(), fs::perms{0755});
    fs::create_directories(cpi.store());
    const Ran owned = run_program({"chown", "-R", "nobody", cpi.store()});
    REQUIRE(owned.status == 0);
    const auto as_nobody = [&](std::string_view properties) {
        return Reply{run_program({"setpriv", "--reuid=nobody", "--regid=libvirt", "--clear-groups",
                                  LIBVIRT_CPI_EXECUTABLE, "--config", cpi.config_file()},
                                 concat(R"({"method":"create_disk","arguments":[8,{)", properties,
                                        R"(},null],"context":{"director_uuid":"d"},"api_version":2})"))};
    };
    const Reply refused = as_nobody(pool.property());
    CHECK_MESSAGE(refused.message().find(concat("Try: chown USER '", pool.path().native(), "'")) !=
                      std::string::npos,
                  refused.message());
    CHECK(names_in(pool.path()).empty());
    CHECK(run_program({"chown", "nobody", pool.path()}).status == 0);
    CHECK_MESSAGE(as_nobody(pool.property()).ok(), "");
}

} // namespace cpi::test
