// A CPI that may have less than it wants, and requests that are not what they should be.

#include "host/fd.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <string>
#include <vector>

namespace cpi::test {

namespace {

struct Fixture {
    TempDir folder;
    std::string config = folder.write("cpi.json", concat(R"({"store_dir":")", folder.path().native(),
                                                         R"(","agent":{"mbus":"nats://a:1"}})"));
    CpiProcess cpi{config};

    /// A call by a process that is limited so: an option of prlimit.
    [[nodiscard]] Reply limited(const std::string& limit, std::string_view method,
                                std::string_view arguments) const
    {
        return Reply{run_program({"prlimit", limit, "--", LIBVIRT_CPI_EXECUTABLE, "--config", config},
                                 concat(R"({"method":")", method, R"(","arguments":)", arguments,
                                        R"(,"context":{"director_uuid":"d"},"api_version":2})"))};
    }

    void fails_for_room(const std::string& most_bytes, std::string_view properties,
                        std::string_view why) const
    {
        CAPTURE(properties);
        const Reply reply =
            limited(concat("--fsize=", most_bytes), "create_disk", concat("[8,", properties, ",null]"));
        CHECK(reply.error_type() == "Bosh::Clouds::NoDiskSpace");
        CHECK_MESSAGE(reply.message().find(why) != std::string::npos, reply.message());
        CHECK_MESSAGE(reply.message().find("ulimit -f") != std::string::npos, reply.message());
        CHECK(folder.listing().find("disk-") == std::string::npos);
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "a process that may not write so large a file answers as for a full disk")
{
    CHECK(cpi.call("create_disk", "[8,{},null]").ok());
    std::filesystem::remove_all(folder.path() / "disks");
    fails_for_room("0", "{}", "File too large");
    fails_for_room("4096", "{}", "image size is too large");
    fails_for_room("4096", R"({"format":"raw"})", "image size is too large");
}

TEST_CASE_FIXTURE(Fixture, "a process that may open few files answers that it may not")
{
    for (const std::string most : {"5", "6", "20"}) {
        CAPTURE(most);
        const Reply reply = limited(concat("--nofile=", most), "has_vm", R"(["vm-a"])");
        CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
        CHECK_MESSAGE(reply.message().find("files more, and needs") != std::string::npos, reply.message());
        const Ran ran = run_program({"prlimit", concat("--nofile=", most), "--", LIBVIRT_CPI_EXECUTABLE,
                                     "--config", config, "restore-disk", "snap-a"});
        CHECK(ran.status == 1);
        CHECK_MESSAGE(ran.err.find("files more, and needs") != std::string::npos, ran.err);
    }
    // The soft limit is only where it begins.
    CHECK(limited("--nofile=6:1024", "create_disk", "[8,{},null]").ok());
}

TEST_CASE_FIXTURE(Fixture, "what is echoed of a request is cut")
{
    const std::string long_word(1'000'000, 'x');
    constexpr std::size_t short_enough = 1000;
    const auto is_short = [&](const Reply& reply) {
        CHECK_FALSE(reply.ok());
        CHECK(reply.ran().out.size() < short_enough);
        CHECK(reply.ran().err.size() < short_enough);
    };
    is_short(cpi.call(long_word, "[]"));
    is_short(cpi.call("has_vm", concat("[\"", long_word, "\"]")));
    is_short(cpi.call("create_disk", concat(R"([1,{"format":")", long_word, "\"},null]")));
    is_short(cpi.call("info", "[1]", concat(R"({"request_id":")", long_word, "\"}")));
    is_short(cpi.call("info", "[]", concat(R"({"hypervisor":")", long_word, "\"}")));
    // What nobody knows is only warned of.
    CHECK(cpi.call("create_disk", concat("[1,{\"", long_word, "\":1},null]")).ran().err.size() <
          short_enough);
    is_short(cpi.call("create_stemcell", concat("[\"", long_word, "\",{}]")));
    is_short(cpi.call("create_network", concat(R"([{"range":")", long_word, "\"}]")));
}

TEST_CASE_FIXTURE(Fixture, "an image that is no regular file is refused, and not waited for")
{
    const std::filesystem::path at = folder.path();
    REQUIRE(::mkfifo((at / "fifo").c_str(), 0600) == 0);
    std::filesystem::create_directory(at / "directory");
    std::filesystem::create_symlink("fifo", at / "link");
    const Fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy((at / "socket").native(), address.sun_path);
    REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    for (const std::string hypervisor : {"qemu", "lxc"})
        for (const std::string& file :
             {(at / "fifo").native(), (at / "directory").native(), (at / "link").native(),
              (at / "socket").native(), std::string{"/dev/zero"}}) {
            CAPTURE(hypervisor);
            CAPTURE(file);
            const Reply reply = cpi.call("create_stemcell", concat("[\"", file, "\",{}]"),
                                         concat(R"({"hypervisor":")", hypervisor, "\"}"));
            CHECK_MESSAGE(reply.message().find("is not a regular file") != std::string::npos,
                          reply.message());
        }
    for (const std::string name : {"fifo", "directory", "link", "socket"}) {
        const Reply light = cpi.call(
            "create_stemcell", concat(R"(["/nonexistent",{"image_path":")", (at / name).native(), "\"}]"));
        CHECK_MESSAGE(light.message().find("is not a regular file") != std::string::npos, light.message());
    }
}

} // namespace cpi::test
