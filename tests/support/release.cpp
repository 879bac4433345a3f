#include "support/release.h"

#include "base/text.h"

#include <stdexcept>

namespace cpi::test {

namespace {

std::string output(const Ran& ran)
{
    if (ran.status != 0)
        throw std::runtime_error{ran.err};
    return ran.out;
}

} // namespace

json::Document yaml(std::string_view text)
{
    constexpr const char* to_json = R"(require "yaml"; require "json"; puts YAML.load($stdin.read).to_json)";
    return json::parse(output(run_program({"ruby", "-E", "UTF-8", "-e", to_json}, text)), "the YAML");
}

Ran try_render(std::string_view file, std::string_view properties, const std::filesystem::path& job)
{
    return run_program({SOURCE_DIR "/tests/release/render", job, std::string{file}}, properties);
}

std::string render(std::string_view file, std::string_view properties, const std::filesystem::path& job)
{
    return output(try_render(file, properties, job));
}

Ran interpolate(const std::vector<std::string>& files, std::string_view variables)
{
    std::vector<std::string> argv{SOURCE_DIR "/tests/release/interpolate"};
    argv.insert(argv.end(), files.begin(), files.end());
    return run_program(argv, variables);
}

} // namespace cpi::test
