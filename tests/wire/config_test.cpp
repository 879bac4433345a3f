// The samples as they are shipped, and the commands for people.

#include "base/text.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

Ran config_check(const std::string& file)
{
    return run_program({LIBVIRT_CPI_EXECUTABLE, "config", "check", file});
}

} // namespace

TEST_CASE("each sample configuration is valid and leads to the URI that the hypervisor guide gives")
{
    const std::vector<std::pair<std::string, std::string>> samples{
        {"cpi-libvirt.json", "qemu:///system"},
        {"cpi-libvirt-remote.json", "qemu+ssh://user@remote-host/system"},
        {"cpi-vbox.json", "vbox:///session"},
        {"cpi-lxc.json", "lxc:///"},
        {"cpi-xen.json", "xen:///"},
        {"cpi-vmware.json", "vmware:///session"},
    };
    for (const auto& each : samples) {
        const auto& sample = each.first;
        CAPTURE(sample);
        const Ran ran = config_check(concat(SOURCE_DIR "/config/", sample));
        CHECK(ran.status == 0);
        CHECK(ran.out.find(concat("uri         ", each.second, "\n")) != std::string::npos);
    }
}

TEST_CASE("each sample configuration serves info")
{
    for (const auto* sample : {"cpi-libvirt.json", "cpi-libvirt-remote.json", "cpi-vbox.json", "cpi-lxc.json",
                               "cpi-xen.json", "cpi-vmware.json"}) {
        CAPTURE(sample);
        const CpiProcess cpi{concat(SOURCE_DIR "/config/", sample)};
        CHECK(cpi.call("info", "[]").require_ok().result().at("api_version").integer(0, 9) == 3);
    }
}

TEST_CASE("a remote host's key that is not there is said so, and nothing is said to be absent")
{
    for (const auto* method : {"has_vm", "has_disk", "delete_vm", "delete_stemcell"}) {
        CAPTURE(method);
        const Reply reply =
            CpiProcess{SOURCE_DIR "/config/cpi-libvirt-remote.json"}.call(method, R"(["vm-a"])");
        CHECK(reply.error_type() == "Bosh::Clouds::CpiError");
        CHECK(reply.message().find("private_key: there is no such file") != std::string::npos);
    }
}

TEST_CASE("config check warns of a store whose path a profile of AppArmor would misread")
{
    const TempDir folder;
    const auto check = [&](std::string_view hypervisor, const std::string& store) {
        const Ran ran = config_check(
            folder.write("cpi.json", concat(R"({"hypervisor":")", hypervisor, R"(","store_dir":)",
                                            json_string(store), R"(,"agent":{"mbus":"m"}})")));
        CHECK(ran.status == 0);
        return ran.err;
    };
    for (const auto* odd : {"/a\"b", "/a[b", "/a]b", "/a{b", "/a}b", "/a*b", "/a?b", "/a\\b"}) {
        CAPTURE(odd);
        CHECK(check("qemu", odd).find(concat("store_dir '", odd, "' has a '")) != std::string::npos);
        CHECK(check("lxc", odd).find("AppArmor") != std::string::npos);
        CHECK(check("xen", odd) == "");
    }
    CHECK(check("qemu", "/var/vcap/a b/it's,(usual)+ü") == "");
}

TEST_CASE("config check names the key, what it holds and what is allowed")
{
    const TempDir folder;
    const auto complaint = [&](std::string_view text) {
        const Ran ran = config_check(folder.write("cpi.json", text));
        CHECK(ran.status == 1);
        CHECK(ran.out.empty());
        return ran.err;
    };
    CHECK(complaint(R"({"store_dir":"/s","agent":{"mbus":"m"},"storage_controler":"SATA"})")
              .find("storage_controler: no such key; did you mean 'storage_controller'?") !=
          std::string::npos);
    CHECK(
        complaint(R"({"store_dir":"/s","agent":{"mbus":"m"},"storage_controller":"NVMe"})")
            .find(R"(storage_controller: expected one of IDE, SCSI, SATA, virtio, got the string "NVMe")") !=
        std::string::npos);
    CHECK(complaint(R"({"store_dir":"relative","agent":{"mbus":"m"}})")
              .find("store_dir: expected an absolute path") != std::string::npos);
    CHECK(complaint(R"({"store_dir":"/s","agent":{}})").find("agent.mbus: expected a string, got nothing") !=
          std::string::npos);
    CHECK(complaint("{\n  \"store_dir\": oops\n}").find("line 2") != std::string::npos);
    CHECK(config_check("/no/such/file").err.find("/no/such/file: no such file") != std::string::npos);
}

TEST_CASE("config schema is JSON and knows every key of the samples")
{
    const Ran ran = run_program({LIBVIRT_CPI_EXECUTABLE, "config", "schema"});
    const json::Document schema = json::parse(ran.out, "the schema");
    const json::Document sample =
        json::parse(read_file(SOURCE_DIR "/config/cpi-libvirt-remote.json"), "the sample");
    for (const auto& each : json::root(sample).members()) {
        const auto& key = each.first;
        CAPTURE(key);
        CHECK(json::root(schema).at("properties").at(key).is_object());
    }
}

TEST_CASE("config schema knows the cloud properties, the hypervisors' own ones included")
{
    const auto schema_of = [](const std::string& name) {
        return json::parse(run_program({LIBVIRT_CPI_EXECUTABLE, "config", "schema", name}).out, "the schema");
    };
    const json::Document of_vms = schema_of("vm_types");
    const json::Place vm = json::root(of_vms).at("properties");
    CHECK(vm.at("cpus").at("maximum").integer(0, 9999) == 1024);
    CHECK(vm.at("cache").at("enum").items().size() == 5);
    CHECK(vm.at("nested_paging").at("type").string() == "boolean");
    CHECK(vm.at("virtualization").at("enum").items().size() == 3);
    const json::Document of_disks = schema_of("disk_types");
    CHECK(json::root(of_disks).at("properties").at("name").is_object());
    CHECK(json::root(of_disks).at("properties").at("cpus").is_null());
    const json::Document of_networks = schema_of("networks");
    CHECK(
        json::root(of_networks).at("properties").at("bandwidth").at("properties").at("inbound").is_object());
    const Ran wrong = run_program({LIBVIRT_CPI_EXECUTABLE, "config", "schema", "vms"});
    CHECK(wrong.status == 1);
    CHECK(wrong.err.find("there are: config, vm_types, disk_types, networks") != std::string::npos);
}

TEST_CASE("a configuration that cannot be read is an answer, not a crash")
{
    const Reply reply = CpiProcess{"/no/such/file"}.call("info", "[]");
    CHECK(reply.error_type() == "Bosh::Clouds::CpiError");
    CHECK(reply.message().find("/no/such/file") != std::string::npos);
}

TEST_CASE("wrong use is explained on stderr")
{
    const Ran ran = run_program({LIBVIRT_CPI_EXECUTABLE, "--confg", "x"});
    CHECK(ran.status == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("--config FILE") != std::string::npos);
}

} // namespace cpi::test
