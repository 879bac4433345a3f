#include "support/documents.h"

#include "base/text.h"
#include "support/temp_dir.h"

#include <stdexcept>

namespace cpi::test {

std::vector<std::filesystem::path> documents()
{
    std::vector<std::filesystem::path> all{SOURCE_DIR "/README.md", SOURCE_DIR "/CONTRIBUTING.md"};
    for (const auto& entry : std::filesystem::directory_iterator{SOURCE_DIR "/docs"})
        all.push_back(entry.path());
    return all;
}

std::vector<std::string> code_blocks(const std::string& text, std::string_view language)
{
    const std::string fence = concat("```", language);
    std::vector<std::string> blocks;
    bool inside = false;
    for (const auto& line : split(text, '\n')) {
        const std::string bare = trim(line);
        if (inside && bare != "```")
            blocks.back() += line + "\n";
        else if (bare == fence)
            blocks.emplace_back();
        inside = bare == fence || (inside && bare != "```");
    }
    return blocks;
}

std::string restart_commands(std::string_view word)
{
    for (const auto& block : code_blocks(read_file(SOURCE_DIR "/docs/restart.md"), "sh"))
        if (block.find(word) != std::string::npos && block.find("<<'EOF'") != std::string::npos)
            return block;
    throw std::runtime_error{concat("docs/restart.md has no such commands with ", word)};
}

} // namespace cpi::test
