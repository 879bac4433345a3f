// A host that is lost in the middle, and comes back.

#include "base/clock.h"
#include "base/text.h"
#include "host/ssh_host.h"
#include "live/remote/server.h"
#include "src/caught.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <random>

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

} // namespace

TEST_CASE("a host that is lost while it works is an error soon, and its locks are free when it is back")
{
    const TempDir folder;
    folder.write("lock", "");
    SshHost host{&server_address};
    auto held = host.lock(folder.path() / "lock", Deadline{0ms});
    REQUIRE(held);
    std::string error;
    const auto begin = Clock::now();
    {
        const LostHost lost;
        error = caught([&] { return host.run({{"sleep", "300"}}).status; }).what;
    }
    CHECK(Clock::now() - begin > 20s);
    CHECK(Clock::now() - begin < 60s);
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
    SshHost host{&server_address};
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
