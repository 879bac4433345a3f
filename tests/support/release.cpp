#include "support/release.h"

#include "base/text.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

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

json::Document accepted_config(std::string_view properties)
{
    const std::string text = render("cpi.json.erb", properties);
    CAPTURE(text);
    const TempDir folder;
    const Ran checked =
        run_program({LIBVIRT_CPI_EXECUTABLE, "config", "check", folder.write("cpi.json", text)});
    CHECK(checked.err.empty());
    CHECK(checked.status == 0);
    return json::parse(text, "the configuration");
}

Ran interpolate(const std::vector<std::string>& files, std::string_view variables)
{
    std::vector<std::string> argv{SOURCE_DIR "/tests/release/interpolate"};
    argv.insert(argv.end(), files.begin(), files.end());
    return run_program(argv, variables);
}

json::Document interpolated(const std::vector<std::string>& files, std::string_view variables)
{
    const Ran ran = interpolate(files, variables);
    REQUIRE_MESSAGE(ran.status == 0, ran.err);
    return json::parse(ran.out, "the manifest");
}

} // namespace cpi::test
