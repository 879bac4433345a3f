#include "volumes/mounts.h"

#include <doctest/doctest.h>

namespace cpi::test {

TEST_CASE("mounts are found by their places, as the kernel writes them")
{
    const auto mounts =
        mounts::listed_in("25 1 0:22 / / rw - overlay overlay rw\n"
                          "30 25 7:3 / /a\\040place rw,relatime shared:1 - ext4 /dev/loop3 rw\n"
                          "31 25 7:4 / /cut rw - ext4\n\nodd");
    REQUIRE(mounts.size() == 2);
    const auto found = mounts::find(mounts, "/a place");
    REQUIRE(found);
    CHECK(found->device == "7:3");
    CHECK(found->source == "/dev/loop3");
    CHECK_FALSE(mounts::find(mounts, "/a"));
}

} // namespace cpi::test
