#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cpi::test {

/// What people read: the README, CONTRIBUTING.md and docs/.
[[nodiscard]] std::vector<std::filesystem::path> documents();

/// What a document has between "```LANGUAGE" and "```", in its order.
[[nodiscard]] std::vector<std::string> code_blocks(const std::string& text, std::string_view language);

/// The shell commands of docs/restart.md that make a file, with `word` in them.
[[nodiscard]] std::string restart_commands(std::string_view word);

} // namespace cpi::test
