// The README claims what the method table has, and names tests that exist.

#include "base/text.h"
#include "cpi/methods.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

namespace cpi::test {

TEST_CASE("the README's table has a row for each method, and claims just those that are built")
{
    const std::string readme = read_file(SOURCE_DIR "/README.md");
    for (const Method& method : methods()) {
        CAPTURE(method.name);
        const std::string row =
            concat("\n| `", method.name, method.call == nullptr ? "` | – | |" : "` | yes | `");
        CHECK(readme.find(row) != std::string::npos);
    }
}

TEST_CASE("each test file that the README names exists")
{
    for (const auto& line : split(read_file(SOURCE_DIR "/README.md"), '\n')) {
        if (line.find("| yes |") == std::string::npos)
            continue;
        const auto words = split(line.substr(line.find("| yes |")), '`');
        for (std::size_t i = 1; i < words.size(); i += 2) {
            CAPTURE(words[i]);
            CHECK(std::filesystem::exists(std::filesystem::path{SOURCE_DIR "/tests"} / words[i]));
        }
    }
}

TEST_CASE("the links of the README and of the documentation lead to files")
{
    for (const auto* document : {"README.md", "CONTRIBUTING.md", "docs/configuration.md", "docs/errors.md",
                                 "docs/managed-networks.md", "docs/networks.md", "docs/store.md"}) {
        const std::filesystem::path file = std::filesystem::path{SOURCE_DIR} / document;
        const std::string text = read_file(file);
        REQUIRE_FALSE(text.empty());
        for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1)) {
            const std::string link = text.substr(at + 2, text.find(')', at) - at - 2);
            const std::string target = link.substr(0, link.find('#'));
            CAPTURE(target);
            CHECK((link.starts_with('#') || target.starts_with("https://") ||
                   std::filesystem::exists(file.parent_path() / target)));
        }
    }
}

} // namespace cpi::test
