// A libvirtd that goes away in the midst of a call, and comes back or not.

#include "base/text.h"
#include "live/qemu/between.h"
#include "src/caught.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

namespace cpi::test {

namespace {

using Lost = LibvirtProxy::Lost;

/// Of libvirt's protocol.
constexpr int domain_create = 9;
constexpr int storage_pool_refresh = 83;
constexpr int domain_fs_freeze = 335;
constexpr int domain_fs_thaw = 336;
constexpr int domain_backup_begin = 421;

struct Creating : Between {
    std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    std::string before = virsh({"list", "--all", "--name"});
    std::string arguments =
        concat(R"(["a",)", json_string(stemcell), R"(,{"memory":128,"ephemeral_disk":64},{"net":)",
               manual_network("192.168.122.191"), "},[],{}]");

    [[nodiscard]] static std::string vm_of(const Reply& reply)
    {
        return reply.require_ok().result().items().front().string();
    }
    void check_nothing_is_left() const
    {
        CHECK(cpi.leftovers().empty());
        CHECK(virsh({"list", "--all", "--name"}) == before);
    }
};

} // namespace

TEST_CASE_FIXTURE(Creating, "a libvirtd that goes away at any step of create_vm leaves a VM that runs, or "
                            "nothing and an error that lets the Director try again")
{
    proxy.begin();
    CHECK(cpi.call("delete_vm", json_list({vm_of(call("create_vm", arguments))})).ok());
    const auto steps = static_cast<unsigned>(proxy.called().size());
    for (unsigned step = 1; step <= steps; ++step)
        for (const Lost what : {Lost::call, Lost::answer}) {
            CAPTURE(step);
            CAPTURE(static_cast<int>(what));
            proxy.lose(step, what);
            const Reply reply = call("create_vm", arguments);
            if (reply.ok()) {
                const std::string vm = vm_of(reply);
                CHECK(trim(virsh({"domstate", vm})) == "running");
                CHECK(cpi.call("delete_vm", json_list({vm})).ok());
            } else {
                CAPTURE(reply.message());
                CHECK(reply.error_type() == "Bosh::Clouds::VMCreationFailed");
                CHECK(reply.envelope().at("error").at("ok_to_retry").boolean());
            }
            check_nothing_is_left();
        }
}

TEST_CASE_FIXTURE(Creating,
                  "a VM that create_vm cannot take back, for libvirtd stays away, is removed by the "
                  "next create_vm, which gets its address")
{
    proxy.lose_procedure(domain_create, Lost::answer, [&] { proxy.refuse(); });
    const Reply lost = call("create_vm", arguments);
    CHECK(lost.error_type() == "Bosh::Clouds::VMCreationFailed");
    CHECK(virsh({"list", "--all", "--name"}) != before);
    CHECK_FALSE(cpi.leftovers().empty());

    const std::string vm = vm_of(cpi.call("create_vm", arguments));
    CHECK(trim(virsh({"list", "--all", "--name"})) == trim(concat(trim(before), "\n", vm)));
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    check_nothing_is_left();
}

TEST_CASE_FIXTURE(Creating,
                  "a VM that is in libvirt alone, and that nobody has given a name, is removed by the "
                  "next call; one that has a name stays")
{
    const auto make = [&](const char* ip) {
        return vm_of(cpi.call("create_vm", concat(R"(["a",)", json_string(stemcell),
                                                  R"(,{"memory":128,"ephemeral_disk":64},{"net":)",
                                                  manual_network(ip), "},[],{}]")));
    };
    const std::string stray = make("192.168.122.192");
    const std::string named = make("192.168.122.193");
    CHECK(cpi.call("set_vm_metadata", concat("[", json_string(named), R"(,{"name":"n"}])")).ok());
    for (const std::string& vm : {stray, named})
        std::filesystem::remove_all(cpi.store() / "vms" / vm);
    CHECK(cpi.call("delete_vm", R"(["vm-absent"])").error_type() == "Bosh::Clouds::VMNotFound");
    CHECK_FALSE(domain_exists(stray));
    CHECK(domain_exists(named));
    CHECK(cpi.call("delete_vm", json_list({named})).ok());
    check_nothing_is_left();
}

TEST_CASE_FIXTURE(
    Creating, "calls at once that want the address of a VM whose create_vm was killed get it, one of them")
{
    proxy.lose_procedure(domain_create, Lost::answer, [&] { proxy.refuse(); });
    CHECK_FALSE(call("create_vm", arguments).ok());

    const TempDir folder;
    const std::string request =
        folder.write("request", concat(R"({"method":"create_vm","arguments":)", arguments,
                                       R"(,"context":{"director_uuid":"d"},"api_version":2})"));
    constexpr int callers = 4;
    std::string script = concat("cd ", folder.path().native(), "\n");
    for (int i = 0; i < callers; ++i)
        script += concat(LIBVIRT_CPI_EXECUTABLE " --config ", cpi.config_file(), " <", request, " >", i,
                         ".out 2>", i, ".err &\n");
    REQUIRE(run_program({"sh", "-c", concat(script, "wait\n")}).status == 0);
    std::vector<std::string> vms;
    for (int i = 0; i < callers; ++i) {
        const Reply reply{{0, read_file(folder.path() / concat(i, ".out")), {}}};
        if (reply.ok())
            vms.push_back(vm_of(reply));
        else
            CHECK(reply.message().find("192.168.122.191") != std::string::npos);
    }
    CHECK(vms.size() == 1);
    for (const std::string& vm : vms)
        CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    check_nothing_is_left();
}

TEST_CASE_FIXTURE(Between,
                  "what comes after a disk is made does not make the call fail, even when libvirt hangs")
{
    const TempDir folder;
    static_cast<void>(virsh({"pool-create-as", "slow-pool", "dir", "--target", folder.path().native()}));
    proxy.lose_procedure(storage_pool_refresh, Lost::call,
                         [] { std::this_thread::sleep_for(std::chrono::seconds{8}); });
    const std::string request = concat(
        R"({"method":"create_disk","arguments":[8,{"storage_pool":"slow-pool"},null],"context":{"director_uuid":"d",)",
        through_proxy.substr(1), R"(,"api_version":2})");
    const Reply reply{run_program(
        {"timeout", "-s", "KILL", "5", LIBVIRT_CPI_EXECUTABLE, "--config", cpi.config_file()}, request)};
    CHECK(reply.ok());
    const std::string disk = reply.require_ok().result().string();
    CHECK(cpi.call("has_disk", json_list({disk})).require_ok().result_text() == "true");
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
    static_cast<void>(virsh({"pool-destroy", "slow-pool"}));
}

namespace {

/// A guest that writes to a disk, and is to be frozen for a snapshot.
struct Snapshotting : Creating {
    std::string vm = vm_of(cpi.call("create_vm", arguments));
    std::string disk = cpi.cid("create_disk", "[64,{},null]");
    std::string take = concat("[", json_string(disk), ",{}]");

    Snapshotting()
    {
        static_cast<void>(cpi.boot_report(vm));
        const std::string hint = cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
        static_cast<void>(in_guest(vm, concat("mount-disk ", disk, " ", shell_quote(hint), " /mnt")));
    }
    [[nodiscard]] bool is_frozen() const
    {
        return virsh({"qemu-agent-command", vm, R"({"execute":"guest-fsfreeze-status"})"}).find("frozen") !=
               std::string::npos;
    }
};

} // namespace

TEST_CASE_FIXTURE(Snapshotting,
                  "a guest that a snapshot has frozen goes on, whatever happens to libvirtd or to the call")
{
    proxy.begin();
    static_cast<void>(call("snapshot_disk", take).require_ok());
    CHECK_FALSE(is_frozen());

    for (const int procedure : {domain_fs_freeze, domain_backup_begin, domain_fs_thaw})
        for (const Lost what : {Lost::call, Lost::answer}) {
            CAPTURE(procedure);
            proxy.lose_procedure(procedure, what);
            static_cast<void>(call("snapshot_disk", take));
            CHECK_FALSE(is_frozen());
        }

    // libvirtd stays away, or the call is killed: the next call is any, here one that only looks.
    proxy.lose_procedure(domain_backup_begin, Lost::call, [&] { proxy.refuse(); });
    const Reply lost = call("snapshot_disk", take);
    CHECK_FALSE(lost.ok());
    CHECK(is_frozen());
    CHECK(cpi.call("has_vm", json_list({vm})).require_ok().result_text() == "true");
    CHECK_FALSE(is_frozen());

    proxy.lose_procedure(domain_fs_thaw, Lost::call, [&] { proxy.refuse(); });
    const Reply stuck = call("snapshot_disk", take);
    CHECK_FALSE(stuck.ok());
    check_says(stuck.message(), {"frozen", "domfsthaw"});
    CHECK(is_frozen());
    CHECK(cpi.call("set_disk_metadata", take).ok());
    CHECK_FALSE(is_frozen());

    static_cast<void>(in_guest(vm, "echo written > /mnt/marker; sync"));
    static_cast<void>(cpi.cid("snapshot_disk", take));
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    check_nothing_is_left();
}

TEST_CASE("a store that another host uses is refused by all that changes it, and its own host is not")
{
    const QemuCpi cpi;
    const std::string disk = cpi.cid("create_disk", "[8,{},null]");
    const auto mark = cpi.store() / "host";
    CHECK(trim(read_file(mark)) == trim(read_file("/etc/machine-id")));
    REQUIRE(
        run_program({"sh", "-c", concat("echo 0123456789abcdef0123456789abcdef >", mark.native())}).status ==
        0);
    for (const auto& each :
         {std::pair{"create_disk", std::string{"[8,{},null]"}}, std::pair{"delete_disk", json_list({disk})},
          std::pair{"attach_disk", json_list({"vm-a", disk})}, std::pair{"delete_vm", json_list({"vm-a"})}}) {
        const auto& method = each.first;
        CAPTURE(method);
        const Reply reply = cpi.call(method, each.second);
        CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        check_says(reply.message(), {"belongs to the host", "0123456789abcdef", "Try: ", mark.native()});
    }
    std::filesystem::remove(mark);
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
}

} // namespace cpi::test
