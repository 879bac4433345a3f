// A host that is lost in the middle, and comes back.

#include "base/clock.h"
#include "base/text.h"
#include "host/ssh_host.h"
#include "live/remote/far_host.h"
#include "live/remote/server.h"
#include "src/caught.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <arpa/inet.h>
#include <memory>
#include <random>
#include <thread>

namespace cpi::test {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Which no compression makes fewer.
std::string random_bytes(std::size_t count)
{
    static std::mt19937 random; // NOLINT(cert-msc51-cpp): the same ones each time are fine
    std::string bytes(count, ' ');
    for (char& byte : bytes)
        byte = static_cast<char>(random());
    return bytes;
}

/// With little patience: 5 s, and 20 s with work.
SshAddress impatient_address()
{
    SshAddress address = server_address();
    address.patience = 5s;
    return address;
}

/// What came of a command that the server was given just before.
struct Told {
    std::string error;
    std::chrono::seconds took;
};

Told told_while_silent(std::chrono::seconds silence)
{
    SshHost host{&impatient_address};
    CHECK(host.run({{"true"}}).status == 0);
    const auto begin = Clock::now();
    auto silent = std::make_unique<SilentServer>();
    const std::jthread resuming{[&] {
        std::this_thread::sleep_for(silence);
        silent.reset();
    }};
    const std::string error = caught([&] { return host.run({{"true"}}).status; }).what;
    return {error, std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin)};
}

} // namespace

TEST_CASE("a server that is silent under load is waited for while it has work, longer than one that is gone")
{
    const Told patient = told_while_silent(11s);
    CHECK(patient.error == "(nothing was thrown)");
    CHECK(patient.took >= 10s);

    const Told impatient = told_while_silent(26s);
    check_says(impatient.error, {"does not answer any more, for 20 s", "may go on there",
                                 "the next one removes", "a larger ssh_patience"});
    CHECK(impatient.took >= 19s);
    CHECK(impatient.took < 30s);
}

TEST_CASE("an upload outlasts a server that is silent for a while")
{
    const TempDir folder;
    SshHost host{&impatient_address};
    const auto sink = host.create(folder.path() / "image", Access::owner);
    sink->write(random_bytes(1 << 20));
    {
        auto silent = std::make_unique<SilentServer>();
        const std::jthread resuming{[&] {
            std::this_thread::sleep_for(12s);
            silent.reset();
        }};
        for (int i = 0; i < 64; ++i) // more than both kernels keep
            sink->write(random_bytes(1 << 20));
    }
    sink->finish();
    CHECK(host.info(folder.path() / "image")->size == std::uint64_t{65} << 20U);
}

TEST_CASE("a call outlasts a server that is silent on its ways to files and to libvirt")
{
    const FarHost host{1};
    const std::string stemcell = host.create_stemcell();
    host.lab({"slow", "75", "0"}); // so that the call is in its middle
    const auto begin = Clock::now();
    {
        const auto logins = [] {
            const auto lines = split(read_file(server_folder() / "log"), '\n');
            return std::ranges::count_if(
                lines, [](const std::string& line) { return line.starts_with("Accepted publickey"); });
        };
        const std::jthread silencing{[&logins, before = logins()] {
            CHECK(wait_until(Deadline{60s},
                             [&] { return logins() >= before + 2; })); // for files and for libvirt
            std::this_thread::sleep_for(1s);                           // then both are at work
            const SilentServer silent;
            std::this_thread::sleep_for(12s);
        }};
        const Reply created = host.call_with(
            R"("ssh_patience":5)", "create_vm",
            concat(R"(["agent",)", json_string(stemcell), R"(,{"memory":128,"ephemeral_disk":64},)",
                   R"({"n":{"type":"dynamic","cloud_properties":{"network":"default"}}},[],{}])"));
        CHECK_MESSAGE(created.ok(), created.message());
    }
    host.lab({"fast"});
    CHECK(Clock::now() - begin > 12s);
}

TEST_CASE("a server that says nothing to who comes is given up in time, and nothing was begun there")
{
    const Fd deaf{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(deaf.get(), reinterpret_cast<const sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(deaf.get(), 1) == 0);
    REQUIRE(::getsockname(deaf.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    SshHost host{[&] {
        SshAddress address = impatient_address();
        address.host = "127.0.0.1";
        address.port = ntohs(at.sin_port);
        return address;
    }};
    const auto begin = Clock::now();
    const std::string error = caught([&] { return host.run({{"true"}}).status; }).what;
    CHECK(Clock::now() - begin < 10s);
    check_says(error, {"connecting to ", "does not answer any more, for 5 s", "Nothing was begun there"});
}

TEST_CASE("a host that is lost while it works is an error soon, and its locks are free when it is back")
{
    const TempDir folder;
    folder.write("lock", "");
    SshHost host{&impatient_address};
    auto held = host.lock(folder.path() / "lock", Deadline{0ms});
    REQUIRE(held);
    std::string error;
    const auto begin = Clock::now();
    {
        const LostHost lost;
        error = caught([&] { return host.run({{"sleep", "300"}}).status; }).what;
    }
    CHECK(Clock::now() - begin > 4s);
    CHECK(Clock::now() - begin < 15s); // sooner than a server that is there and silent
    check_says(error, {server_address().host, "does not answer any more"});
    held.reset();

    SshHost again{&server_address};
    CHECK(again.run({{"true"}}).status == 0);
    CHECK(again.lock(folder.path() / "lock", Deadline{180s}) != nullptr);
}

TEST_CASE("a file whose upload is cut off is not whole, and its place can be taken anew")
{
    const TempDir folder;
    const Path file = folder.path() / "image";
    SshHost host{&impatient_address};
    const auto sink = host.create(file, Access::owner);
    const std::string block(1 << 20, 'x');
    sink->write(block);
    {
        const LostHost lost;
        const std::string error = caught([&] {
                                      for (int i = 0; i < 10'000; ++i)
                                          sink->write(random_bytes(1 << 20));
                                      sink->finish();
                                      return 0;
                                  }).what;
        check_says(error, {"does not answer any more"});
    }
    SshHost again{&server_address};
    again.discard(file);
    const auto second = again.create(file, Access::owner);
    second->write(block);
    second->finish();
    CHECK(again.info(file)->size == block.size());
}

} // namespace cpi::test
