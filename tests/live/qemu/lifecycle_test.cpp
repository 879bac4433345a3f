// What a guest and an operator find on real QEMU, beyond the life cycle that is the same on each hypervisor.

#include "base/text.h"
#include "conformance/qemu_lab.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

std::string sha256(const std::filesystem::path& file)
{
    return run_program({"sha256sum", file.native()}).out.substr(0, 64);
}

std::filesystem::path stemcell_image(const QemuCpi& cpi, const std::string& stemcell)
{
    for (const auto& entry : std::filesystem::directory_iterator{cpi.store() / "stemcells" / stemcell})
        if (entry.path().stem() == "image")
            return entry.path();
    throw std::runtime_error{"the stemcell has no image"};
}

} // namespace

TEST_CASE(
    "a guest finds its networks, settings and disks, people find its name, and the stemcell stays as it was")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string image_before = sha256(stemcell_image(cpi, stemcell));

    const Reply created = cpi.try_create_vm(
        stemcell, concat(R"({"front":)", manual_network("192.168.122.150"),
                         R"(,"back":{"type":"dynamic","cloud_properties":{"network":"lab-two"}}})"));
    const auto parts = created.require_ok().result().items();
    REQUIRE(parts.size() == 2);
    const std::string vm = parts[0].string();
    const std::string front_mac = parts[1].at("front").at("mac").string();
    const std::string back_mac = parts[1].at("back").at("mac").string();

    const std::string report = cpi.boot_report(vm);
    CHECK(report.find(concat("REPORT agent_id=", QemuCpi::agent_id)) != std::string::npos);
    CHECK(report.find("REPORT mbus=nats://10.254.50.4:4222") != std::string::npos);
    CHECK(report.find("REPORT firmware=bios") != std::string::npos);
    CHECK(report.find(concat("mac=", front_mac, " ip=192.168.122.150")) != std::string::npos);
    CHECK(report.find(concat("mac=", back_mac, " ip=10.77.2.")) != std::string::npos);
    CHECK(run_on_host({"ping", "-c1", "-W5", "192.168.122.150"}).status == 0);

    // Settings, as the agent reads them.
    const json::Document settings = json::parse(in_guest(vm, "read-settings"), "the settings");
    const json::Place root = json::root(settings);
    CHECK(root.at("agent_id").string() == QemuCpi::agent_id);
    CHECK(root.at("vm").at("name").string() == vm);
    CHECK(root.at("ntp").verbatim().text == R"(["0.pool.ntp.org"])");
    CHECK(root.at("blobstore").at("provider").string() == "local");
    CHECK(root.at("networks").at("front").at("mac").string() == front_mac);
    CHECK(root.at("networks").at("front").at("prefix").string() == "32");
    CHECK(root.at("disks").at("persistent").verbatim().text == "{}");
    CHECK(root.at("env").verbatim().text ==
          R"({"bosh":{"group":"g","password":"*"},"deep":{"list":[1,2.5,null,"ünï"]}})");

    // The ephemeral disk is what the hint says, and of the size that was asked for.
    const std::string ephemeral = root.at("disks").at("ephemeral").at("path").string();
    CHECK(in_guest(vm, concat("blockdev --getsize64 ", ephemeral)) == std::to_string(64 * 1024 * 1024));

    // Metadata shows in libvirt's own tools.
    const std::string metadata =
        concat("[", json_string(vm),
               R"(,{"name":"redis/7c1e","deployment":"<&\"'>","note":"🙂 \u0007 tab\t","id":"7c1e"}])");
    CHECK(cpi.call("set_vm_metadata", metadata).require_ok().result().is_null());
    CHECK(virsh({"desc", "--title", vm}).starts_with("redis/7c1e"));
    CHECK(virsh({"list", "--title"}).find("redis/7c1e") != std::string::npos);
    CHECK(virsh({"metadata", vm, "--uri", "urn:libvirt-cpi:tags:1"}).find("&lt;&amp;") != std::string::npos);

    // A disk comes while the VM runs, and is where the hint says.
    const std::string disk = cpi.cid("create_disk", "[64,{},null]");
    const std::string hint = cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    CHECK(in_guest(vm, concat("blockdev --getsize64 $(resolve-disk ", disk, " ", shell_quote(hint), ")")) ==
          std::to_string(64 * 1024 * 1024));

    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK_FALSE(domain_exists(vm));
    CHECK(sha256(stemcell_image(cpi, stemcell)) == image_before);
}

TEST_CASE("the calls of a deployment, in the Director's order and with its arguments")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const auto call = [&](std::string_view method, std::string_view arguments) {
        return cpi.process()
            .call(method, arguments,
                  R"({"vm":{"stemcell":{"api_version":3}},"custom":{"of":"a cpi-config"}})")
            .require_ok()
            .result_text();
    };
    const std::string created = call(
        "create_vm",
        concat(
            R"(["7f5a2f0e-5e0f-4b3c-9f0e-1f1f6f0a8a11",)", json_string(stemcell),
            R"(,{"cpus":1,"memory":128,"ephemeral_disk":64,"instance_type":"of another cloud"},)"
            R"({"a":{"type":"manual","ip":"192.168.122.181","prefix":"32","netmask":"255.255.255.0",)"
            R"("cloud_properties":{"network":"default"},"default":["dns","gateway"],"dns":["8.8.8.8"],)"
            R"("gateway":"192.168.122.1"}},[],{"bosh":{"mbus":{"cert":{"ca":"c","certificate":"d",)"
            R"("private_key":"a-private-key"}},"group":"d-simple-foobar","groups":["d","simple","foobar"],)"
            R"("tags":{"deployment":"simple"},"blobstores":[],"ntp":[]}}])"));
    const json::Document document = json::parse(created, "what create_vm returns");
    const std::string vm = json::root(document).items().front().string();
    CHECK(
        call("set_vm_metadata", concat("[", json_string(vm),
                                       R"(,{"director":"d","deployment":"simple","id":"7f5a","job":"foobar",)"
                                       R"("instance_group":"foobar","index":"0","name":"foobar/7f5a",)"
                                       R"("created_at":"2026-01-01T00:00:00Z","long":")",
                                       std::string(100'000, 'x'), R"("}])")) == "null");
    CHECK(virsh({"metadata", vm, "--uri", "urn:libvirt-cpi:tags:1"}).size() > 100'000);
    const json::Document disk_document =
        json::parse(call("create_disk", concat(R"([64,{"type":"fast"},)", json_string(vm), "]")),
                    "what create_disk returns");
    const std::string disk = json::root(disk_document).string();
    const std::string both = json_list({vm, disk});
    CHECK(call("attach_disk", both).starts_with(R"({"path":"/dev/disk/by-id/)"));
    CHECK(call("set_disk_metadata",
               concat("[", json_string(disk),
                      R"(,{"director":"d","deployment":"simple","instance_id":"7f5a","instance_index":"0",)"
                      R"("instance_group":"foobar","attached_at":"2026-01-01T00:00:00Z"}])")) == "null");
    CHECK(call("detach_disk", both) == "null");
    CHECK(call("delete_vm", json_list({vm})) == "null");
    CHECK(call("delete_disk", json_list({disk})) == "null");
}

} // namespace cpi::test
