// A store that was another hypervisor's before: what is in it is recognised, and disks can be moved.

#include "base/text.h"
#include "conformance/lab.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

struct Fixture {
    Lab lab;
    LabCpi cpi{lab};
    std::string other_config = cpi.folder() + "/other.json";

    Fixture()
    {
        const std::string text = lab.on_host({"cat", cpi.folder() + "/cpi.json"});
        json::Document config = json::parse(text, "the configuration");
        const std::string other =
            json::with_members({text}, {R"({"hypervisor":"qemu","uri":"qemu:///system?socket=/none"})"}).text;
        static_cast<void>(lab.on_host({"tee", other_config}, other));
    }
    /// With the configuration switched to qemu.
    [[nodiscard]] Ran as_other(const std::vector<std::string>& words, std::string_view input = {})
    {
        std::vector<std::string> argv{cpi.folder() + "/libvirt_cpi", "--config", other_config};
        argv.insert(argv.end(), words.begin(), words.end());
        return lab.try_on_host(argv, input);
    }
    [[nodiscard]] Reply call_as_other(std::string_view method, std::string_view arguments)
    {
        return Reply{as_other({}, concat(R"({"method":)", json_string(method), R"(,"arguments":)", arguments,
                                         R"(,"context":{"director_uuid":"d"},"api_version":2})"))};
    }
    [[nodiscard]] std::string listing()
    {
        return lab.on_host({"find", cpi.store(), "-not", "-path", "*/rootfs/*", "-not", "-name",
                            "ephemeral.raw", "-printf", "%p %s %T@\n"});
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "objects of another hypervisor are recognised, refused and not touched")
{
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const std::string vm = cpi.create_vm(stemcell, 180);
    const std::string disk = cpi.cid("create_disk", concat("[64,{},", json_string(vm), "]"));
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).ok());
    const std::string snapshot = cpi.cid("snapshot_disk", concat("[", json_string(disk), ",{}]"));
    const std::string before = listing();

    const std::string both = json_list({vm, disk});
    const std::vector<std::pair<std::string, std::string>> calls{
        {"has_vm", json_list({vm})},
        {"delete_vm", json_list({vm})},
        {"reboot_vm", json_list({vm})},
        {"set_vm_metadata", concat("[", json_string(vm), ",{}]")},
        {"get_disks", json_list({vm})},
        {"attach_disk", both},
        {"detach_disk", both},
        {"has_disk", json_list({disk})},
        {"delete_disk", json_list({disk})},
        {"resize_disk", concat("[", json_string(disk), ",128]")},
        {"update_disk", concat("[", json_string(disk), ",128,{}]")},
        {"snapshot_disk", concat("[", json_string(disk), ",{}]")},
        {"set_disk_metadata", concat("[", json_string(disk), ",{}]")},
        {"delete_snapshot", json_list({snapshot})},
        {"delete_stemcell", json_list({stemcell})},
        {"create_vm", concat(R"(["a",)", json_string(stemcell), ",{},{},[],{}]")},
    };
    for (const auto& each : calls) {
        const auto& method = each.first;
        CAPTURE(method);
        const Reply reply = call_as_other(method, each.second);
        CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        CHECK(reply.message().find("belongs to the hypervisor 'lxc'") != std::string::npos);
        CHECK(reply.message().find("Try: ") != std::string::npos);
    }
    CHECK(as_other({"restore-disk", snapshot}).err.find("belongs to the hypervisor 'lxc'") !=
          std::string::npos);
    CHECK(listing() == before);
    CHECK(lab.answers(vm));
}

TEST_CASE_FIXTURE(Fixture, "a disk is moved to another hypervisor and back, with what is on it")
{
    const std::string stemcell = cpi.create_stemcell("warden-runit");
    const std::string vm = cpi.create_vm(stemcell, 181);
    const std::string disk = cpi.cid("create_disk", concat("[64,{},", json_string(vm), "]"));
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).ok());
    static_cast<void>(lab.in_guest(vm, concat("echo precious >/warden-cpi-dev/", disk, "/marker")));

    const Ran attached = as_other({"convert-disk", disk, "--to", "qcow2"});
    CHECK(attached.status == 1);
    CHECK(attached.err.find(concat("is attached to VM '", vm)) != std::string::npos);
    CHECK(cpi.call("detach_disk", json_list({vm, disk})).ok());
    CHECK(as_other({"convert-disk", disk, "--to", "vdi"}).err.find("qcow2 or raw") != std::string::npos);
    CHECK(as_other({"convert-disk", disk, "--to", "qcow2"}).out == disk + "\n");
    CHECK(as_other({"convert-disk", disk, "--to", "qcow2"}).out == disk + "\n");
    CHECK(cpi.call("has_disk", json_list({disk})).message().find("belongs to the hypervisor 'qemu'") !=
          std::string::npos);
    CHECK(call_as_other("has_disk", json_list({disk})).require_ok().result_text() == "true");

    // As an agent of a VM would have made it: one partition with the file system.
    const std::string folder = concat(cpi.store(), "/disks/", disk);
    const std::string raw = cpi.folder() + "/raw";
    static_cast<void>(
        lab.on_host({"sh", "-c", concat("qemu-img convert -O raw ", folder, "/disk*.qcow2 ", raw)}));
    CHECK(lab.on_host({"sfdisk", "--json", raw}).find("\"label\": \"gpt\"") != std::string::npos);
    const std::string place = cpi.folder() + "/place";
    static_cast<void>(lab.on_host({"mkdir", place}));
    static_cast<void>(lab.on_host({"mount", "-o", "loop,offset=1048576", raw, place}));
    CHECK(lab.on_host({"cat", place + "/marker"}) == "precious");
    static_cast<void>(lab.on_host({"umount", place}));
    CHECK(cpi.names_in(concat("disks/", disk)) == std::set<std::string>{"disk-2.qcow2", "disk.json", "lock"});

    CHECK(cpi.operate({"convert-disk", disk, "--to", "raw"}).out == disk + "\n");
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).ok());
    CHECK(lab.in_guest(vm, concat("cat /warden-cpi-dev/", disk, "/marker")) == "precious");
    CHECK(std::stoi(lab.in_guest(
              vm, concat("echo $(($(stat -f -c %b\\*%S /warden-cpi-dev/", disk, ") >> 20))"))) > 50);
}

} // namespace cpi::test
