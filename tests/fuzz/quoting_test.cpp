// Some of what a fuzzer would try, each time.

#include "base/text.h"
#include "fuzz/quoting.h"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>

namespace cpi::test {

TEST_CASE("whatever a word is, a shell takes it for that word")
{
    constexpr std::array<std::string_view, 24> pieces{"'",  "\"", "\\", "$", "$(", ")", "`",    "\n",
                                                      "\r", "\t", " ",  "-", "-n", "#", "!",    "~",
                                                      "*",  "?",  ";",  "&", "|",  "ü", "\xff", "x"};
    std::mt19937 random; // NOLINT(cert-msc51-cpp): the same ones each time
    for (int round = 0; round < 40; ++round) {
        std::string bytes;
        for (int i = 0; i < 400; ++i)
            bytes += random() % 8 == 0 ? std::string_view{"\0", 1} : pieces.at(random() % pieces.size());
        CHECK_NOTHROW(check_quoting(bytes));
    }
}

} // namespace cpi::test
