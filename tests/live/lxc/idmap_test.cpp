// Containers whose ids are not the host's: looked at from the host and from inside.

#include "base/text.h"
#include "conformance/lab.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace cpi::test {

namespace {

struct Fixture {
    Lab lab;
    LabCpi cpi{lab, R"(,"idmap":{"first":100000})"};
    std::string stemcell = cpi.create_stemcell("warden-runit");

    [[nodiscard]] std::string virsh(std::vector<std::string> words)
    {
        const json::Document config = json::parse(lab.ask({"config"}), "the configuration");
        words.insert(words.begin(), {"virsh", "-q", "-c", json::root(config).at("uri").string()});
        return lab.on_host(words);
    }
    [[nodiscard]] std::string attach(const std::string& vm, const std::string& disk)
    {
        return cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    }
    [[nodiscard]] std::string new_disk() { return cpi.cid("create_disk", "[64,{},null]"); }
    /// With these members of the configuration instead.
    [[nodiscard]] Ran with(std::string_view members, const std::vector<std::string>& words,
                           std::string_view input = {})
    {
        const std::string file = cpi.folder() + "/other.json";
        const std::string text = lab.on_host({"cat", cpi.folder() + "/cpi.json"});
        static_cast<void>(
            lab.on_host({"tee", file}, json::with_members({text}, {std::string{members}}).text));
        std::vector<std::string> argv{cpi.folder() + "/libvirt_cpi", "--config", file};
        argv.insert(argv.end(), words.begin(), words.end());
        return lab.try_on_host(argv, input);
    }
    [[nodiscard]] Reply call_with(std::string_view members, std::string_view method,
                                  std::string_view arguments)
    {
        return Reply{with(members, {},
                          concat(R"({"method":)", json_string(method), R"(,"arguments":)", arguments,
                                 R"(,"context":{"director_uuid":"d"},"api_version":2})"))};
    }
};

constexpr std::string_view privileged = R"({"idmap":null})";
constexpr std::string_view other_ids = R"({"idmap":{"first":200000,"count":70000}})";

} // namespace

TEST_CASE_FIXTURE(Fixture, "a container's root is another user of the host, and owns what it needs")
{
    for (const auto* layering : {"overlay", "copy"}) {
        CAPTURE(layering);
        const std::string vm = cpi.create_vm(
            stemcell, 190,
            concat(R"({"memory":256,"ephemeral_disk":32,"root_filesystem":")", layering, R"("})"));
        const std::string report = cpi.report(vm);
        CAPTURE(report);
        CHECK(report.find("REPORT settings_sha256=") != std::string::npos);
        CHECK(report.find("REPORT error=") == std::string::npos);
        CHECK(report.find(" ip=192.168.122.190/24") != std::string::npos);
        CHECK(report.find("REPORT ephemeral=/var/vcap/data") != std::string::npos);

        CHECK(lab.in_guest(vm, "awk '{ print $1, $2, $3 }' /proc/1/uid_map /proc/1/gid_map") ==
              "0 100000 65536\n0 100000 65536");
        CHECK(lab.on_host({"sh", "-c", "read -r init _ </proc/$0/task/$0/children; stat -c %u:%g /proc/$init",
                           virsh({"domid", vm})}) == "100000:100000");
        CHECK(lab.in_guest(vm, "stat -c '%a %u:%g' /var/vcap/bosh/warden-cpi-agent-env.json") == "600 0:0");
        CHECK(lab.in_guest(vm, "touch /root/mine /var/vcap/data/mine && mkdir /mine && stat -c %u:%g /mine "
                               "/root/mine /var/vcap/data/mine") == "0:0\n0:0\n0:0");
        const std::string root = concat(cpi.store(), "/vms/", vm, "/container/rootfs");
        CHECK(lab.on_host({"stat", "-c", "%u:%g", root + "/root/mine"}) == "100000:100000");
        CHECK(lab.in_guest(vm, "echo >/dev/null && ls /warden-cpi-dev") == "");
        CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    }
}

TEST_CASE_FIXTURE(Fixture, "setuid programs and those with capabilities have what they are made for")
{
    const std::string vm = cpi.create_vm(stemcell, 191);
    const auto seen_by = [&](std::string_view program, std::string_view line) {
        return lab.in_guest(vm, concat("chpst -u :5:5 /usr/local/bin/", program, " -rR 'select(startswith(\"",
                                       line, "\"))' /proc/self/status"));
    };
    CHECK(seen_by("with-setuid", "Uid") == "Uid:\t5\t1\t1\t1");
    CHECK(seen_by("with-setuid", "Gid") == "Gid:\t5\t2\t2\t2");
    CHECK(seen_by("with-capability", "CapEff") == "CapEff:\t0000000000002000");
    CHECK(lab.in_guest(vm, "stat -c '%a %u:%g %h' /usr/local/bin/with-second-name") == "6755 1:2 2");
}

TEST_CASE_FIXTURE(Fixture, "disks come and go while a mapped container runs, and nothing stays of it")
{
    const std::string vm = cpi.create_vm(stemcell, 192);
    const std::string disk = new_disk();
    const std::string folder = "/warden-cpi-dev/" + disk;
    CHECK(attach(vm, disk) == concat(R"({"path":")", folder, R"("})"));
    static_cast<void>(lab.in_guest(vm, concat("echo kept >", folder, "/marker && chown 7:8 ", folder,
                                              "/marker && mkdir -p /mnt && mount --bind ", folder, " /mnt")));
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).message().find("mounted on /mnt") !=
          std::string::npos);
    static_cast<void>(lab.in_guest(vm, "umount /mnt"));
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());
    CHECK(lab.in_guest(vm, "ls /warden-cpi-dev") == "");
    CHECK(cpi.call("snapshot_disk", concat("[", json_string(disk), ",{}]")).ok());

    static_cast<void>(attach(vm, disk));
    const std::string snapshot = cpi.cid("snapshot_disk", concat("[", json_string(disk), ",{}]"));
    const auto kept = [&](const std::string& at) {
        return lab.in_guest(vm, concat("cat ", at, "/marker && stat -c %u:%g ", at, "/marker")) ==
               "kept\n7:8";
    };
    CHECK(kept(folder));
    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    static_cast<void>(cpi.report(vm));
    CHECK(kept(folder));
    // From inside, too.
    static_cast<void>(lab.in_guest(vm, "echo no >/var/log/report; (sleep 0.3; reboot -f) >/dev/null 2>&1 &"));
    static_cast<void>(cpi.report(vm));
    CHECK(kept(folder));
    const std::string restored = trim(cpi.operate({"restore-disk", snapshot, "--as-new"}).out);
    static_cast<void>(attach(vm, restored));
    CHECK(kept("/warden-cpi-dev/" + restored));
    CHECK(lab.in_guest(vm, concat("touch ", folder, "/more && rm -r ", folder, "/more && echo yes")) ==
          "yes");

    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK(lab.on_host({"cat", "/proc/self/mountinfo"}).find(vm) == std::string::npos);
    CHECK(lab.try_on_host({"test", "-e", "/run/libvirt-cpi/" + vm}).status == 1);
}

TEST_CASE_FIXTURE(Fixture, "files for other ids are refused, with what to do")
{
    const std::string vm = cpi.create_vm(stemcell, 193);
    const std::string disk = new_disk();
    const std::string arguments =
        concat(R"(["a",)", json_string(stemcell), R"(,{},{"net":)", lab.ask({"network", "194"}), "},[],{}]");
    for (const std::string_view configured : {privileged, other_ids}) {
        CAPTURE(configured);
        const std::string refusal = call_with(configured, "create_vm", arguments).message();
        CHECK(refusal.find("has files for the host's ids from 100000 to 165535, and VMs have") !=
              std::string::npos);
        CHECK(refusal.find("Try: bosh upload-stemcell --fix") != std::string::npos);
        const std::string foreign =
            call_with(configured, "create_disk", "[64,{},null]").require_ok().result().string();
        const std::string attaching = cpi.call("attach_disk", json_list({vm, foreign})).message();
        CAPTURE(attaching);
        CHECK(attaching.find(concat("VM '", vm, "' has the host's ids from 100000 to 165535. Try: ")) !=
              std::string::npos);
        CHECK(attaching.find(concat("convert-disk ", foreign, " --to raw")) != std::string::npos);
        CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == "[]");
        CHECK(
            lab.try_on_host({"test", "-e", concat(cpi.store(), "/disks/", foreign, "/attached_to")}).status ==
            1);
    }
    // A VM keeps its ids, and with them its disks, when the configuration changes.
    CHECK(call_with(other_ids, "attach_disk", json_list({vm, disk})).ok());
    static_cast<void>(lab.in_guest(vm, concat("touch /warden-cpi-dev/", disk, "/mine")));
    CHECK(call_with(other_ids, "reboot_vm", json_list({vm})).ok());
    static_cast<void>(cpi.report(vm));
    CHECK(lab.in_guest(vm, concat("stat -c %u /warden-cpi-dev/", disk, "/mine")) == "0");
}

TEST_CASE_FIXTURE(Fixture,
                  "convert-disk gives a disk's files other ids, and takes them to a VM's disk and back")
{
    const std::string vm = cpi.create_vm(stemcell, 195);
    const std::string disk = new_disk();
    const std::string folder = "/warden-cpi-dev/" + disk;
    static_cast<void>(attach(vm, disk));
    static_cast<void>(
        lab.in_guest(vm, concat("cp -p /usr/local/bin/with-setuid ", folder, " && echo 'with space' >'",
                                folder, "/a b' && chown 7:8 '", folder, "/a b'")));
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());

    // The attempts to attach come after it: of another hypervisor's VMs it is only known who was given it.
    constexpr std::string_view qemu =
        R"({"idmap":null,"hypervisor":"qemu","uri":"qemu:///system?socket=/none"})";
    for (const std::string_view configured : {qemu, privileged, other_ids}) {
        CAPTURE(configured);
        const auto* format = configured == qemu ? "qcow2" : "raw";
        const Ran converted = with(configured, {"convert-disk", disk, "--to", format});
        CAPTURE(converted.err);
        CHECK(converted.out == disk + "\n");
        if (configured != qemu)
            CHECK(cpi.call("attach_disk", json_list({vm, disk})).message().find("has files for") !=
                  std::string::npos);
    }
    CHECK(cpi.operate({"convert-disk", disk, "--to", "raw"}).out == disk + "\n");
    static_cast<void>(attach(vm, disk));
    CHECK(lab.in_guest(vm, concat("stat -c '%a %u:%g' ", folder, " ", folder, "/with-setuid '", folder,
                                  "/a b' && cat '", folder, "/a b' && touch ", folder, "/new")) ==
          "755 0:0\n6755 1:2\n644 7:8\nwith space");
    CHECK(cpi.names_in(concat("disks/", disk)).size() == 4); // the image, the record, the lock, attached_to
}

} // namespace cpi::test
