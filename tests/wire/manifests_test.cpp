// The operations and configurations in manifests/, applied to the shape of bosh.yml.

#include "base/text.h"
#include "hypervisors/table.h"
#include "src/caught.h"
#include "support/release.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace cpi::test {

namespace {

constexpr std::string_view variables = R"({
  "director_name": "lab", "internal_ip": "192.168.122.10", "internal_gw": "192.168.122.1",
  "internal_cidr": "192.168.122.0/24", "reserved_ranges": ["192.168.122.2-192.168.122.19", "192.168.122.200-192.168.122.254"], "network_name": "default",
  "mbus_bootstrap_password": "it's $ecret", "mbus_bootstrap_ssl": {"ca": "-----BEGIN CERTIFICATE-----"},
  "libvirt_host": "192.168.122.1", "libvirt_user": "bosh",
  "libvirt_private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
  "libvirt_host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKKmPpqUYuBZ+mnrnVL83Wj/kPUSnJKOPVPyzKSxTdOu",
  "libvirt_tls_ca": "a", "libvirt_tls_certificate": "b", "libvirt_tls_private_key": "c",
  "libvirt_store_dir": "/srv/bosh", "libvirt_cpi_release": "/tmp/bosh-libvirt-cpi-1.0.0.tgz",
  "libvirt_cpi_version": "1.0.0", "libvirt_cpi_url": "https://releases.example/r.tgz", "libvirt_cpi_sha1": "sha256:00"})";

std::string path_of(std::string_view manifest)
{
    return concat(SOURCE_DIR "/manifests/", manifest, ".yml");
}

/// bosh.yml with these operations.
json::Document deployment(const std::vector<std::string>& operations)
{
    std::vector<std::string> files{SOURCE_DIR "/tests/release/bosh.yml"};
    for (const auto& name : operations)
        files.push_back(path_of(name));
    return interpolated(files, variables);
}

struct Case {
    std::vector<std::string> operations;
    std::string_view hypervisor;
    std::string_view stemcell; // a part of its name
};

const std::vector<Case>& cases()
{
    static const std::vector<Case> all{
        {{"cpi"}, "qemu", "openstack-kvm-ubuntu-noble"},
        {{"cpi", "local-release"}, "qemu", "openstack-kvm-ubuntu-noble"},
        {{"cpi", "remote"}, "qemu", "openstack-kvm-ubuntu-noble"},
        {{"cpi", "remote", "tls", "store-dir"}, "qemu", "openstack-kvm-ubuntu-noble"},
        {{"cpi", "director-with-bpm"}, "qemu", "openstack-kvm-ubuntu-noble"},
        {{"cpi", "use-noble"}, "qemu", "openstack-kvm-ubuntu-noble"},
        {{"cpi", "use-jammy"}, "qemu", "openstack-kvm-ubuntu-jammy"},
        {{"cpi", "use-resolute"}, "qemu", "openstack-kvm-ubuntu-resolute"},
        {{"cpi", "lxc"}, "lxc", "warden-boshlite-ubuntu-noble"},
        {{"cpi", "lxc", "remote", "use-jammy-warden"}, "lxc", "warden-boshlite-ubuntu-jammy"},
        {{"cpi", "lxc", "use-resolute-warden"}, "lxc", "warden-boshlite-ubuntu-resolute"},
        {{"cpi", "xen", "use-jammy"}, "xen", "openstack-kvm-ubuntu-jammy"},
        {{"cpi", "vbox"}, "vbox", "vsphere-esxi-ubuntu-noble"},
        {{"cpi", "vbox", "use-jammy-vsphere"}, "vbox", "vsphere-esxi-ubuntu-jammy"},
        {{"cpi", "vmware", "use-resolute-vsphere"}, "vmware", "vsphere-esxi-ubuntu-resolute"},
    };
    return all;
}

const Hypervisor& row_of(std::string_view name)
{
    return **std::ranges::find_if(hypervisors(), [&](const Hypervisor* row) { return row->name == name; });
}

/// The format that stemcells with that name have.
std::string_view format_of(std::string_view stemcell)
{
    return stemcell.starts_with("openstack") ? "openstack-qcow2"
           : stemcell.starts_with("warden")  ? "warden-tar"
                                             : "vsphere-ovf";
}

} // namespace

TEST_CASE("the operations make a Director of bosh.yml, for create-env's CPI and for its own")
{
    for (const auto& one : cases()) {
        const std::string operations = join(one.operations, " ");
        CAPTURE(operations);
        const json::Document manifest = deployment(one.operations);
        const json::Place root = json::root(manifest);
        const auto has = [&](const char* name) { return std::ranges::count(one.operations, name) > 0; };

        CHECK(root.at("releases").items().back().at("name").string() == "bosh-libvirt-cpi");
        CHECK(root.at("releases")
                  .items()
                  .back()
                  .at("url")
                  .string()
                  .starts_with(has("local-release") ? "file:///" : "https://"));
        const json::Place group = root.at("instance_groups").items().front();
        const json::Place job = group.at("jobs").items().back();
        for (const json::Place& names_job : {job, root.at("cloud_provider").at("template")}) {
            CHECK(names_job.at("name").string() == "libvirt_cpi");
            CHECK(names_job.at("release").string() == "bosh-libvirt-cpi");
        }
        CHECK(group.at("properties").at("director").at("cpi_job").string() == "libvirt_cpi");
        CHECK(group.at("properties").at("director").at("name").string() == "lab");

        const json::Document directors = accepted_config(job.at("properties").verbatim().text);
        const json::Document own =
            accepted_config(root.at("cloud_provider").at("properties").verbatim().text);
        CHECK(json::root(directors).at("agent").at("mbus").string() == "nats://192.168.122.10:4222");
        CHECK(json::root(own).at("agent").at("mbus").string() == "https://mbus:it's $ecret@0.0.0.0:6868");
        CHECK(json::root(directors).at("host").string() == "192.168.122.1");
        CHECK(json::root(own).at("host").is_null() != has("remote"));
        CHECK(json::root(directors).at("tls").is_null() != has("tls"));
        for (const auto* config : {&directors, &own}) {
            CHECK(json::root(*config).at("hypervisor").string() == one.hypervisor);
            CHECK(json::root(*config).at("store_dir").string() ==
                  (has("store-dir") ? "/srv/bosh" : "/var/vcap/store/libvirt"));
        }
    }
}

TEST_CASE("the Director's stemcell is one that the hypervisor takes, and its VM and network are")
{
    const TempDir folder;
    for (const auto& one : cases()) {
        const std::string operations = join(one.operations, " ");
        CAPTURE(operations);
        const json::Document manifest = deployment(one.operations);
        const json::Place pool = json::root(manifest).at("resource_pools").items().front();
        check_says(pool.at("stemcell").at("url").string(), {one.stemcell});
        CHECK(pool.at("stemcell").at("sha1").string().size() == 40);
        const auto& formats = row_of(one.hypervisor).stemcell_formats;
        CHECK(std::ranges::find(formats, format_of(one.stemcell)) != formats.end());

        // Wrong properties are told before the stemcell is looked for.
        const CpiProcess cpi{
            folder.write("cpi.json", concat(R"({"hypervisor":")", one.hypervisor, R"(","store_dir":")",
                                            folder.path().native(),
                                            R"(","agent":{"mbus":"nats://192.168.122.10:4222"}})"))};
        const json::Place subnet =
            json::root(manifest).at("networks").items().front().at("subnets").items().front();
        const Reply reply = cpi.call(
            "create_vm",
            concat(R"(["agent","sc-none",)", pool.at("cloud_properties").verbatim().text,
                   R"(,{"default":{"type":"manual","ip":"192.168.122.10","netmask":"255.255.255.0",)",
                   R"("gateway":"192.168.122.1","cloud_properties":)",
                   subnet.at("cloud_properties").verbatim().text, R"(}},[],{}])"));
        check_says(reply.message(), {"sc-none"});
    }
}

TEST_CASE("each file of manifests is tried")
{
    std::set<std::string> tried{"cloud-config", "cpi-config"};
    for (const auto& one : cases())
        tried.insert(one.operations.begin(), one.operations.end());
    std::set<std::string> there;
    for (const auto& entry : std::filesystem::directory_iterator{SOURCE_DIR "/manifests"})
        there.insert(entry.path().stem());
    CHECK(there == tried);
}

TEST_CASE("operations that do not fit are refused by the tests' own interpolation")
{
    const TempDir folder;
    const auto error = [&](std::string_view operation) {
        return interpolate({SOURCE_DIR "/tests/release/bosh.yml", folder.write("ops.yml", operation)},
                           variables)
            .err;
    };
    check_says(error("[{type: replace, path: /none/x, value: 1}]"), {"'none' is not there"});
    check_says(error("[{type: replace, path: /releases/name=none, value: 1}]"), {"nothing there"});
    check_says(error("[{type: replace, path: /name, value: ((none))}]"), {"no value for ((none))"});
}

TEST_CASE("the VM types and networks of cloud-config.yml are such as the CPI takes")
{
    const json::Document document = interpolated({path_of("cloud-config")}, variables);
    const json::Place root = json::root(document);
    const TempDir folder;
    const CpiProcess cpi{
        folder.write("cpi.json", concat(R"({"store_dir":")", folder.path().native(),
                                        R"(","agent":{"mbus":"nats://192.168.122.10:4222"}})"))};
    const json::Place subnet = root.at("networks").items().front().at("subnets").items().front();
    for (const char* kind : {"vm_types", "vm_extensions"})
        for (const json::Place& type : root.at(kind).items()) {
            const Reply reply = cpi.call(
                "create_vm", concat(R"(["agent","sc-none",)", type.at("cloud_properties").verbatim().text,
                                    R"(,{"default":{"type":"dynamic","cloud_properties":)",
                                    subnet.at("cloud_properties").verbatim().text, R"(}},[],{}])"));
            check_says(reply.message(), {"sc-none"});
        }
    CHECK(root.at("disk_types").items().size() == 2);
    CHECK(subnet.at("reserved").items().at(1).string() == "192.168.122.200-192.168.122.254");
}

TEST_CASE("the two CPIs of cpi-config.yml are such as the CPI takes, and the Director finds the job")
{
    const json::Document document = interpolated(
        {path_of("cpi-config")},
        R"({"kvm1_key":"-----BEGIN","kvm1_host_key":"k","kvm2_key":"-----BEGIN","kvm2_host_key":"k"})");
    const TempDir folder;
    const CpiProcess cpi{folder.write(
        "cpi.json", R"({"store_dir":"/nowhere","agent":{"mbus":"nats://192.168.122.10:4222"}})")};
    for (const json::Place& one : json::root(document).at("cpis").items()) {
        CHECK(one.at("type").string() == "libvirt"); // the Director appends _cpi
        CHECK(cpi.call("ping", "[]", one.at("properties").verbatim().text).require_ok().result_text() ==
              R"("pong")");
    }
}

} // namespace cpi::test
