// What must go wrong goes wrong with a typed error that names the thing, and leaves nothing behind.

#include "base/clock.h"
#include "base/text.h"
#include "conformance/qemu_lab.h"

#include <doctest/doctest.h>
#include <sys/mount.h>

#include <cstring>

namespace cpi::test {

namespace {

std::string some_network()
{
    return concat(R"({"net":)", manual_network("192.168.122.190"), "}");
}

std::string domains()
{
    return virsh({"list", "--all", "--name"});
}

/// A mounted tmpfs of this size in place of the store.
class SmallStore : private Pinned {
public:
    SmallStore(std::filesystem::path path, const char* size, unsigned long flags = 0) : path_{std::move(path)}
    {
        if (::mount("tmpfs", path_.c_str(), "tmpfs", flags, concat("mode=711,size=", size).c_str()) != 0)
            throw std::runtime_error{concat("cannot mount a tmpfs: ", std::strerror(errno))}; // NOLINT
    }
    ~SmallStore() { ::umount2(path_.c_str(), MNT_DETACH); }

private:
    std::filesystem::path path_;
};

} // namespace

TEST_CASE("every cloud property of a wrong type or value is named, and nothing is left behind")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string before = domains();
    const std::vector<std::pair<std::string, std::string>> wrong{
        {R"({"cpus":"two"})", "arguments[2].cpus"},
        {R"({"cpus":0})", "arguments[2].cpus"},
        {R"({"cpus":1.5})", "arguments[2].cpus"},
        {R"({"memory":-1})", "arguments[2].memory"},
        {R"({"memory":1000000000000000000})", "arguments[2].memory"},
        {R"({"memory":"1G"})", "arguments[2].memory"},
        {R"({"ephemeral_disk":true})", "arguments[2].ephemeral_disk"},
        {R"({"ephemeral_disk":-5})", "arguments[2].ephemeral_disk"},
        {R"({"root_disk":{}})", "arguments[2].root_disk"},
        {R"({"root_disk":1})", "arguments[2].root_disk"},
        {R"({"firmware":"coreboot"})", "bios, uefi"},
        {R"({"acceleration":1})", "auto, kvm, emulation"},
        {R"({"cpuz":1})", "did you mean 'cpus'"},
        {R"([])", "arguments[2]"},
    };
    for (const auto& each : wrong) {
        const auto& properties = each.first;
        CAPTURE(properties);
        const Reply reply = cpi.try_create_vm(stemcell, some_network(), properties);
        CHECK(reply.error_type() == "InvalidCall");
        CHECK(reply.message().find(each.second) != std::string::npos);
    }
    CHECK(cpi.leftovers().empty());
    CHECK(domains() == before);
}

TEST_CASE("networks that cannot be are named, and nothing is left behind")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string before = domains();
    const std::vector<std::pair<std::string, std::string>> wrong{
        {R"({"n":{"type":"dynamic","cloud_properties":{"network":"no-such-net"}}})", "no-such-net"},
        {R"({"n":{"type":"dynamic","cloud_properties":{"bridge":"no-such-br"}}})", "no-such-br"},
        {R"({"n":{"type":"dynamic","cloud_properties":{"network":"a","bridge":"b"}}})", "'n'"},
        {R"({"n":{"type":"manual","ip":"300.1.1.1","netmask":"255.255.255.0"}})", "300.1.1.1"},
        {R"({"n":{"type":"manual","ip":"10.0.0.5"}})", "netmask"},
        {R"({"n":{"type":"odd"}})", "manual, dynamic, vip"},
        {R"({"n":{"type":"dynamic","cloud_properties":{"network":7}}})", "cloud_properties.network"},
        {R"({"n":{"type":"dynamic","cloud_properties":{"netwrok":"default"}}})", "did you mean 'network'"},
        {R"({"n":"default"})", "arguments[3].n"},
    };
    for (const auto& each : wrong) {
        const auto& networks = each.first;
        CAPTURE(networks);
        const Reply reply = cpi.try_create_vm(stemcell, networks);
        CHECK_FALSE(reply.ok());
        CHECK(reply.message().find(each.second) != std::string::npos);
        CHECK(cpi.leftovers().empty());
    }
    CHECK(domains() == before);
}

TEST_CASE("stemcells, disks and cids that do not exist or cannot be are named")
{
    const QemuCpi cpi;
    const Reply stemcell = cpi.try_create_vm("sc-absent", some_network());
    CHECK(stemcell.error_type() == "Bosh::Clouds::CloudError");
    CHECK(stemcell.message().find("sc-absent") != std::string::npos);

    const std::string real = cpi.create_stemcell("openstack-qcow2");
    const Reply disk =
        cpi.call("create_vm", concat(R"(["a",)", json_string(real), R"(,{},{},["disk-absent"],{}])"));
    CHECK(disk.error_type() == "Bosh::Clouds::DiskNotFound");

    for (const auto* cid : {"../vm-a", "vm-../../etc", "", ".", "vm a", "vm\\na", "-vm"})
        for (const auto* method :
             {"has_vm", "delete_vm", "has_disk", "delete_disk", "delete_stemcell", "get_disks"}) {
            CAPTURE(cid);
            const Reply reply = cpi.call(method, concat("[\"", cid, "\"]"));
            CHECK(reply.error_type() == "InvalidCall");
            CHECK(reply.message().find("arguments[0]") != std::string::npos);
        }
    for (const auto* size : {"0", "-1", "1000000000000000000", "\"10\"", "1.5", "null"}) {
        const Reply reply = cpi.call("create_disk", concat("[", size, ",{},null]"));
        CHECK(reply.error_type() == "InvalidCall");
        CHECK(reply.message().find("arguments[0]") != std::string::npos);
    }
    CHECK_FALSE(std::filesystem::exists(cpi.store() / "disks"));
    CHECK(cpi.leftovers().empty());
}

TEST_CASE("a VM that libvirt cannot start leaves nothing, and the error says what libvirt said and what "
          "to try")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string before = domains();
    const Reply reply = cpi.try_create_vm(
        stemcell, some_network(), R"({"memory":900000000,"ephemeral_disk":64,"acceleration":"emulation"})");
    // The host may have the memory at the next try.
    CHECK(reply.error_type() == "Bosh::Clouds::VMCreationFailed");
    CHECK(reply.envelope().at("error").at("ok_to_retry").boolean());
    CHECK(reply.message().find("starting VM vm-") != std::string::npos);
    CHECK(reply.message().find("libvirt says: ") != std::string::npos);
    CHECK(reply.message().find("journalctl -u libvirtd") != std::string::npos);
    CHECK(reply.ran().err.find("<domain ") != std::string::npos);
    CHECK(cpi.leftovers().empty());
    CHECK(domains() == before);
}

TEST_CASE("create_vm starts no more than two programs, and leaves nothing when one of them fails")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string request = concat(R"({"method":"create_vm","arguments":["a",)", json_string(stemcell),
                                       R"(,{"memory":128,"ephemeral_disk":64},)", some_network(),
                                       R"(,[],{}],"context":{"director_uuid":"d"},"api_version":2})");
    const TempDir programs;
    const auto with_qemu_img = [&](std::string_view script) {
        const std::string program = programs.write("qemu-img", script);
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        return Reply{run_program(
            {LIBVIRT_CPI_EXECUTABLE, "--config", (cpi.store().parent_path() / "cpi.json").native()}, request,
            {{"PATH", programs.path().native()}})};
    };

    const Reply failed = with_qemu_img("#!/bin/sh\necho 'No space left on device' >&2; exit 1\n");
    CHECK(failed.error_type() == "Bosh::Clouds::VMCreationFailed");
    CHECK(failed.envelope().at("error").at("ok_to_retry").boolean());
    CHECK(failed.message().find("No space left on device") != std::string::npos);
    CHECK(cpi.leftovers().empty());

    // Nothing else is in PATH: whatever the call started went through here.
    const Reply created = with_qemu_img(
        concat("#!/bin/sh\necho >> ", programs.path().native(), "/calls; exec /usr/bin/qemu-img \"$@\"\n"));
    REQUIRE(created.ok());
    CHECK(read_file(programs.path() / "calls").size() <= 2);
    CHECK(cpi.call("delete_vm", json_list({created.result().items().front().string()})).ok());
}

TEST_CASE("a store that is missing, a file, read-only or full is an error, never an absence")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const LabStemcell lab = lab_stemcell("openstack-qcow2");
    const std::string import = concat("[", json_string(lab.image), ",", lab.cloud_properties, "]");
    const auto with_store = [&](std::string_view method, std::string_view arguments, std::string_view store) {
        return cpi.process().call(method, arguments, concat(R"({"store_dir":)", json_string(store), "}"));
    };

    for (const auto* method : {"has_disk", "delete_disk"}) {
        CHECK(with_store(method, R"(["disk-a"])", "/no/such/store").error_type() ==
              "Bosh::Clouds::CloudError");
        CHECK(with_store(method, R"(["disk-a"])", "/etc/hostname").error_type() ==
              "Bosh::Clouds::CloudError");
    }
    const Reply missing = with_store("create_stemcell", import, "/no/such/store");
    CHECK(missing.message().find("/no/such/store") != std::string::npos);
    CHECK(missing.message().find("Try: ") != std::string::npos);

    const TempDir folder;
    {
        const SmallStore read_only{folder.path(), "1m", MS_RDONLY};
        const Reply reply = with_store("create_disk", "[1,{},null]", folder.path().native());
        CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        CHECK(reply.message().find("Read-only file system") != std::string::npos);
    }
    {
        const SmallStore full{folder.path(), "8m"};
        const Reply reply = with_store("create_stemcell", import, folder.path().native());
        CHECK(reply.error_type() == "Bosh::Clouds::NoDiskSpace");
        CHECK(folder.listing() == ".in-progress\nstemcells");
    }
}

TEST_CASE("a libvirt that does not answer is an error, never an absence")
{
    const QemuCpi cpi;
    const std::string nowhere = R"({"uri":"qemu:///system?socket=/no/such/socket"})";
    for (const auto* method : {"has_vm", "delete_vm", "reboot_vm", "get_disks"}) {
        const Reply reply = cpi.process().call(method, R"(["vm-a"])", nowhere);
        CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        CHECK(reply.message().find("/no/such/socket") != std::string::npos);
    }
}

namespace {

/// create_vm as a request, for whoever ends it in its midst.
struct Creating {
    QemuCpi cpi;
    std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    std::string before = domains();
    std::string request = concat(R"({"method":"create_vm","arguments":["a",)", json_string(stemcell),
                                 R"(,{"memory":256,"ephemeral_disk":64},)", some_network(),
                                 R"(,[],{}],"context":{"director_uuid":"d"},"api_version":2})");
    std::string config = (cpi.store().parent_path() / "cpi.json").native();

    [[nodiscard]] Ran create_and(const char* signal, const char* seconds) const
    {
        return run_program({"timeout", "-s", signal, seconds, LIBVIRT_CPI_EXECUTABLE, "--config", config},
                           request);
    }
    void check_nothing_is_left() const
    {
        CHECK(cpi.leftovers().empty());
        CHECK(domains() == before);
    }
};

} // namespace

TEST_CASE_FIXTURE(
    Creating,
    "10.3 create_vm that is killed at any moment leaves nothing after the next one; SIGTERM leaves nothing "
    "at once")
{
    // Where the call was quicker than the signal there is a VM to take away.
    const auto was_interrupted = [&](const Ran& ran) {
        if (ran.out.empty() || !Reply{ran}.ok())
            return true;
        const std::string vm = Reply{ran}.result().items().front().string();
        CHECK(cpi.call("delete_vm", json_list({vm})).ok());
        return false;
    };

    int killed = 0;
    for (const auto* seconds :
         {"0.01", "0.02", "0.03", "0.05", "0.08", "0.12", "0.16", "0.2", "0.25", "0.3", "0.4"})
        killed += was_interrupted(create_and("KILL", seconds)) ? 1 : 0;
    CHECK(killed > 4);
    // The next creation sweeps. It is itself made to fail late, so that it adds nothing.
    const Reply sweeping =
        cpi.try_create_vm(stemcell, some_network(), R"({"memory":900000000,"acceleration":"emulation"})");
    CHECK_FALSE(sweeping.ok());
    check_nothing_is_left();

    int ended = 0;
    for (const auto* seconds : {"0.03", "0.04", "0.05", "0.06", "0.1", "0.15"}) {
        CAPTURE(seconds);
        const Ran ran = create_and("TERM", seconds);
        if (was_interrupted(ran)) {
            ++ended;
            // Without a word it had not begun.
            CHECK((ran.out.empty() || ran.out.find("interrupted") != std::string::npos));
        }
        check_nothing_is_left();
    }
    CHECK(ended > 1);
}

TEST_CASE_FIXTURE(Creating, "create_vm whose caller goes away leaves nothing: nobody would know of the VM")
{
    const TempDir folder;
    const std::string file = folder.write("request", request);
    for (const auto* seconds : {"0.03", "0.06", "0.1", "0.2"}) {
        CAPTURE(seconds);
        // Whoever is to read the answer ends; what the status of the CPI is then nobody knows either.
        const Ran ran =
            run_program({"bash", "-c", R"({ "$0" --config "$1" <"$2"; echo ended >&2; } | sleep "$3")",
                         LIBVIRT_CPI_EXECUTABLE, config, file, seconds});
        CHECK(ran.err.find("ended") != std::string::npos);
        check_nothing_is_left();
    }
}

TEST_CASE_FIXTURE(
    Creating,
    "10.3 delete_stemcell and delete_vm, which may be the last calls, remove what a killed create_vm "
    "has left")
{
    const auto leave_something = [&] {
        for (const char* seconds : {"0.05", "0.08", "0.12", "0.2", "0.3", "0.5"})
            if (create_and("KILL", seconds).out.empty() && !cpi.leftovers().empty())
                return;
        FAIL("create_vm was not killed in its midst");
    };
    leave_something();
    CHECK(cpi.call("delete_vm", R"(["vm-absent"])").error_type() == "Bosh::Clouds::VMNotFound");
    check_nothing_is_left();
    leave_something();
    CHECK(cpi.call("delete_stemcell", json_list({stemcell})).ok());
    check_nothing_is_left();
}

TEST_CASE("create_stemcell refuses what is damaged or hostile, and leaves nothing")
{
    const QemuCpi cpi;
    const LabStemcell lab = lab_stemcell("openstack-qcow2");
    const TempDir folder;
    const std::string whole = read_file(lab.image);
    const auto import = [&](const std::string& file, std::string_view properties = R"({"disk":1024})") {
        const Reply reply = cpi.call("create_stemcell", concat("[", json_string(file), ",", properties, "]"));
        CHECK_FALSE(reply.ok());
        CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        for (const auto* kind : {"stemcells", ".in-progress"})
            CHECK(std::filesystem::is_empty(cpi.store() / kind));
        return reply.message();
    };
    CHECK(import(folder.write("cut", std::string_view{whole}.substr(0, whole.size() / 2))).find("damaged") !=
          std::string::npos);
    std::string flipped = whole;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    CHECK(import(folder.write("flipped", flipped)).find("damaged") != std::string::npos);
    CHECK_FALSE(import("/no/such/image").empty());
    CHECK_FALSE(import(folder.write("empty", "")).empty());

    // Too large for what the manifest says of the disk.
    CHECK(import(lab.image, R"({"disk":1})").find("allowed: ") != std::string::npos);

    // A tar that unfolds into ten GiB of zeros, and ones that reach out of their folder.
    const auto shell = [&](const std::string& script) {
        const Ran ran = run_program({"/bin/sh", "-ec", concat("cd ", folder.path().native(), "; ", script)});
        REQUIRE(ran.status == 0);
    };
    shell("truncate -s 2G root.img; printf '\\125\\252' | dd of=root.img bs=1 seek=510 conv=notrunc "
          "2>/dev/null;"
          "tar -cz root.img > bomb; rm root.img");
    CHECK(import((folder.path() / "bomb").native(), R"({"disk":64})").find("allowed: ") != std::string::npos);
    shell("echo x > evil; tar -czPf dots ../*/evil; ln -s /etc/passwd root.img; tar -czf symlink root.img; "
          "rm root.img");
    CHECK_FALSE(import((folder.path() / "dots").native()).empty());
    CHECK_FALSE(import((folder.path() / "symlink").native()).empty());

    // A qcow2 image that would read a file of the host.
    shell("qemu-img create -q -f qcow2 -u -b /etc/shadow -F raw root.img 10M; tar -czf backing root.img");
    CHECK(import((folder.path() / "backing").native()).find("backing") != std::string::npos);
}

TEST_CASE("a VM that does not start is gone, and the advice is about what stays of it")
{
    const QemuCpi cpi{R"(,"bin_path":"/opt/virsh")"};
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string nowhere = R"({"n":{"type":"dynamic","cloud_properties":{"direct":"no-such-dev"}}})";
    const Reply network = cpi.try_create_vm(stemcell, nowhere);
    CHECK_MESSAGE(network.message().find("journalctl -u libvirtd") != std::string::npos, network.message());
    CHECK(network.message().find("virsh") == std::string::npos);
    CHECK(network.ran().err.find("the definition that failed: <domain") != std::string::npos);

    const Reply memory = cpi.try_create_vm(stemcell, some_network(), R"({"memory":1000000000})");
    CHECK_MESSAGE(memory.message().find("'memory' in its cloud properties, now 1000000000 MiB") !=
                      std::string::npos,
                  memory.message());
    // QEMU said why in a file that outlives the VM.
    const std::size_t log = memory.message().find("/var/log/libvirt/qemu/vm-");
    REQUIRE(log != std::string::npos);
    const std::string file = memory.message().substr(log, memory.message().find(',', log) - log);
    CHECK(run_on_host({"grep", "Cannot allocate memory", file}).status == 0);
    CHECK(cpi.leftovers().empty());

    const Reply inactive = cpi.try_create_vm(
        stemcell, R"({"n":{"type":"dynamic","cloud_properties":{"network":"no-such-net"}}})");
    CHECK(inactive.message().find("Try: /opt/virsh -c ") != std::string::npos);
}

TEST_CASE("a VM's disk that cannot become so large is named by its property")
{
    const QemuCpi cpi;
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const auto message = [&](std::string_view properties) {
        const Ran ran = run_program(
            {"prlimit", "--fsize=50000000", LIBVIRT_CPI_EXECUTABLE, "--config", cpi.config_file()},
            concat(R"({"method":"create_vm","arguments":["a",)", json_string(stemcell), ",", properties, ",",
                   some_network(), R"(,[],{}],"context":{"director_uuid":"d"},"api_version":2})"));
        const Reply reply{ran};
        CHECK(reply.error_type() == "Bosh::Clouds::VMCreationFailed");
        CHECK(cpi.leftovers().empty());
        return reply.message();
    };
    const std::string ephemeral = message(R"({"ephemeral_disk":64})");
    CHECK_MESSAGE(ephemeral.find("('ephemeral_disk': 64 MiB)") != std::string::npos, ephemeral);
    const std::string root = message(R"({"ephemeral_disk":0,"root_disk":4096,"format":"raw"})");
    CHECK_MESSAGE(root.find("('root_disk': 4096 MiB)") != std::string::npos, root);
}

TEST_CASE("a store whose path a profile of AppArmor would misread is refused where there is AppArmor")
{
    const TempDir folder;
    const std::filesystem::path store = folder.path() / "a[b";
    std::filesystem::create_directory(store);
    const std::string config =
        folder.write("cpi.json", concat(R"({"uri":)", json_string(lab_uri()), R"(,"store_dir":)",
                                        json_string(store.native()), R"(,"agent":{"mbus":"nats://a:1"}})"));
    const auto call_where = [&](const std::string& enabled) {
        const std::string script = concat(
            "mount -t tmpfs none /sys/module && mkdir -p /sys/module/apparmor/parameters && echo ", enabled,
            " > /sys/module/apparmor/parameters/enabled && exec " LIBVIRT_CPI_EXECUTABLE " --config ",
            config);
        return Reply{run_program({"unshare", "-m", "sh", "-c", script},
                                 R"({"method":"create_disk","arguments":[8,{},null],)"
                                 R"("context":{"director_uuid":"d"},"api_version":2})")};
    };
    const Reply refused = call_where("Y");
    CHECK(refused.error_type() == "Bosh::Clouds::CloudError");
    CHECK_MESSAGE(refused.message().find("a[b' has a '['") != std::string::npos, refused.message());
    CHECK(std::filesystem::is_empty(store));
    CHECK(call_where("N").ok());
    CHECK(CpiProcess{config}.call("create_disk", "[8,{},null]").ok());
}

} // namespace cpi::test
