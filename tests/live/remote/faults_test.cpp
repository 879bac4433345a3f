// What the other host lacks, and a network that is bad or gone while calls are under way.

#include "base/text.h"
#include "conformance/lab.h"
#include "live/remote/far_host.h"
#include "live/remote/server.h"
#include "src/caught.h"

#include <doctest/doctest.h>

#include <chrono>

namespace cpi::test {

namespace {

/// A small file system over the store.
class SmallStore : private Pinned {
public:
    SmallStore(const FarHost& host, const std::string& size) : host_{host}
    {
        REQUIRE(host.run({"mount", "-t", "tmpfs", "-o", concat("mode=711,size=", size), "none", host.store()})
                    .status == 0);
    }
    ~SmallStore() { static_cast<void>(host_.run({"umount", "-l", host_.store()})); }

private:
    const FarHost& host_;
};

struct Asked {
    std::string method;
    std::string arguments;
    std::string done_before; // the error that says that the first call had done it all
};

struct Answer {
    Reply reply;
    int seconds;
};

/// Makes all calls at once and cuts the cable after a while.
std::vector<Answer> ask_and_lose(const FarHost& host, const std::vector<Asked>& calls, std::string_view after)
{
    const TempDir folder;
    std::string script = concat("cd ", folder.path().native(), "\n");
    for (std::size_t i = 0; i < calls.size(); ++i) {
        folder.write(concat(i, ".request"), host.request(calls[i].method, calls[i].arguments,
                                                         R"("director_uuid":"d","ssh_patience":8)"));
        script +=
            concat("{ s=$(date +%s); " LIBVIRT_CPI_EXECUTABLE " --config ", host.config_file(), " <", i,
                   ".request >", i, ".out 2>", i, ".err; echo $(($(date +%s) - s)) >", i, ".took; } &\n");
    }
    script += concat("sleep ", after, "\n", SOURCE_DIR "/tests/lab/remote 1 cut\nwait\n");
    REQUIRE(run_program({"sh", "-c", script}, {}, lab_environment()).status == 0);
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        const auto text = [&](std::string_view kind) { return read_file(folder.path() / concat(i, kind)); };
        answers.push_back({Reply{{0, text(".out"), text(".err")}}, std::stoi(text(".took"))});
    }
    return answers;
}

/// Calls on objects of their own, one of each kind.
std::vector<Asked> calls_on(const FarHost& host, const std::string& stemcell)
{
    const auto vm = [&] { return host.create_vm(stemcell); };
    const auto disk = [&] { return host.cid("create_disk", "[8,{},null]"); };
    const std::string has_one = vm();
    const std::string attached = disk();
    static_cast<void>(host.call("attach_disk", json_list({has_one, attached})).require_ok());
    const std::string snapshot = host.cid("snapshot_disk", concat("[", json_string(disk()), ",{}]"));
    return {
        {"has_vm", json_list({has_one}), ""},
        {"get_disks", json_list({has_one}), ""},
        {"has_disk", json_list({attached}), ""},
        {"set_vm_metadata", concat("[", json_string(vm()), R"(,{"name":"n"}])"), ""},
        {"attach_disk", json_list({vm(), disk()}), ""},
        {"detach_disk", json_list({has_one, attached}), "Bosh::Clouds::DiskNotAttached"},
        {"delete_vm", json_list({vm()}), "Bosh::Clouds::VMNotFound"},
        {"create_disk", "[8,{},null]", ""},
        {"resize_disk", concat("[", json_string(disk()), ",16]"), ""},
        {"snapshot_disk", concat("[", json_string(disk()), ",{}]"), ""},
        {"delete_disk", json_list({disk()}), "Bosh::Clouds::DiskNotFound"},
        {"delete_snapshot", json_list({snapshot}), ""},
        {"create_vm",
         concat(
             R"(["a",)", json_string(stemcell),
             R"(,{"memory":128,"ephemeral_disk":64},{"n":{"type":"dynamic","cloud_properties":{"network":"default"}}},[],{}])"),
         ""},
    };
}

} // namespace

TEST_CASE("a full disk there is no_disk_space, and nothing stays")
{
    const FarHost host{1};
    const SmallStore small{host, "4m"};
    const Reply stemcell = host.call("create_stemcell", stemcell_arguments(Lab{}.ask({"stemcell"})));
    CHECK(stemcell.error_type() == "Bosh::Clouds::NoDiskSpace");
    const Reply disk = host.call("create_disk", R"([64,{"preallocation":"full"},null])");
    CHECK(disk.error_type() == "Bosh::Clouds::NoDiskSpace");
    CHECK(host.contents().empty());
}

TEST_CASE("a stemcell that is not on the CPI's machine is the error, and nothing stays")
{
    const FarHost host{1};
    for (const auto* hypervisor : {"qemu", "lxc"}) {
        CAPTURE(hypervisor);
        const Reply reply = host.call_with(concat(R"("hypervisor":")", hypervisor, "\""), "create_stemcell",
                                           R"(["/nowhere/image",{}])");
        CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        check_says(reply.message(), {"/nowhere/image", "No such file or directory"});
        CHECK(host.contents().empty());
    }
}

TEST_CASE("a host without qemu-img is an error that says what to install, and nothing stays")
{
    const FarHost host{1, "beggar"}; // who does not find it
    const Reply reply = host.call("create_disk", "[8,{},null]");
    CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
    check_says(reply.message(), {"cannot run 'qemu-img'", "qemu-utils"});
    CHECK(host.contents().empty());
}

TEST_CASE("a host that cannot be reached is an error within a minute, and never an absence")
{
    const FarHost host{1};
    {
        const LostHost lost;
        const auto begin = std::chrono::steady_clock::now();
        const Reply reply = host.call("has_vm", R"(["vm-x"])");
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{60});
        CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        check_says(reply.message(), {server_address().host});
    }
    CHECK(host.call("has_vm", R"(["vm-x"])").require_ok().result_text() == "false");
}

// All at once: each waits for its end.
TEST_CASE("a host that is lost in the middle of each method is an error, and then the same call succeeds")
{
    const FarHost host{1};
    const std::string stemcell = host.create_stemcell();
    for (const auto* after : {"1", "3"}) {
        CAPTURE(after);
        const std::vector<Asked> calls = calls_on(host, stemcell);
        host.lab({"slow", "75", "0"}); // so that each is in its middle
        const std::vector<Answer> lost = ask_and_lose(host, calls, after);
        host.lab({"fast"});
        int failed = 0;
        for (std::size_t i = 0; i < calls.size(); ++i) {
            CAPTURE(calls[i].method);
            CAPTURE(lost[i].reply.message());
            CHECK(lost[i].seconds < 120);
            CHECK((lost[i].reply.ok() ? lost[i].reply.result_text() != "false"
                                      : lost[i].reply.error_type() == "Bosh::Clouds::CloudError"));
            failed += lost[i].reply.ok() ? 0 : 1;
            const Reply again = host.call(calls[i].method, calls[i].arguments);
            CAPTURE(again.message());
            CHECK((again.ok() ? again.result_text() != "false" : again.error_type() == calls[i].done_before));
        }
        CHECK(failed > 6);
    }
    // What the lost calls had begun is swept up by the next ones of their kinds.
    CHECK(host.run({"find", host.store() / ".in-progress", "-type", "f"}).out.empty());
}

TEST_CASE("with 300 ms of latency and a loss of 1 % all is as ever, only later")
{
    const FarHost host{2};
    host.lab({"slow", "150", "1"});
    const std::string stemcell = host.create_stemcell();
    const std::string vm = host.create_vm(stemcell);
    const std::string disk = host.cid("create_disk", "[8,{},null]");
    CHECK(host.call("attach_disk", json_list({vm, disk})).ok());
    CHECK(host.call("detach_disk", json_list({vm, disk})).ok());
    CHECK(host.call("delete_vm", json_list({vm})).ok());
    CHECK(host.call("delete_disk", json_list({disk})).ok());
    CHECK(host.call("delete_stemcell", json_list({stemcell})).ok());
    host.lab({"fast"});
    CHECK(host.contents().empty());
}

} // namespace cpi::test
