// The commands of the documentation are such as can be given.

#include "base/text.h"
#include "src/caught.h"
#include "support/documents.h"
#include "support/release.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace cpi::test {

namespace {

/// The words of the commands in a block that begin with `start`; a command may go on behind a backslash.
std::vector<std::vector<std::string>> commands(const std::string& block, std::string_view start)
{
    std::vector<std::vector<std::string>> found;
    std::string joined = block;
    for (std::size_t at = joined.find("\\\n"); at != std::string::npos; at = joined.find("\\\n"))
        joined.replace(at, 2, " ");
    for (const auto& line : split(joined, '\n'))
        if (line.starts_with(start)) {
            found.emplace_back();
            for (const auto& word : split(line, ' '))
                if (!word.empty())
                    found.back().push_back(word);
        }
    return found;
}

/// What follows each option in a command.
std::vector<std::string> values_of(const std::vector<std::string>& words, std::string_view option)
{
    std::vector<std::string> values;
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
        if (words[i] == option)
            values.push_back(words[i + 1]);
    return values;
}

std::string path_in_tree(std::string word)
{
    constexpr std::string_view tree = "libvirt/";
    return concat(SOURCE_DIR "/", word.starts_with(tree) ? word.substr(tree.size()) : word);
}

/// The manifest after a `bosh create-env` or `bosh update-…-config` with its files and variables.
Ran interpolate_as(const std::vector<std::string>& words, const std::string& manifest)
{
    std::vector<std::string> files{manifest};
    for (const auto& file : values_of(words, "-o"))
        files.push_back(path_in_tree(file));
    json::Writer variables;
    variables.begin_object();
    for (const char* option : {"-v", "--var-file"})
        for (const auto& value : values_of(words, option)) {
            const std::size_t quote = value.starts_with('\'') ? 1 : 0;
            variables.key(value.substr(quote, value.find('=') - quote)).string("x");
        }
    // Those that bosh.yml generates.
    for (const char* generated : {"mbus_bootstrap_password", "mbus_bootstrap_ssl"})
        variables.key(generated).string("x");
    variables.end_object();
    return interpolate(files, variables.text());
}

} // namespace

TEST_CASE("shell commands in the documentation are shell")
{
    std::size_t count = 0;
    for (const auto& file : documents())
        for (const auto& block : code_blocks(read_file(file), "sh")) {
            CAPTURE(block);
            const Ran ran = run_program({"bash", "-n"}, block);
            CHECK(ran.status == 0);
            CHECK(ran.err.empty());
            ++count;
        }
    CHECK(count > 25);
}

TEST_CASE("scripts and files that the documentation's commands name are there")
{
    std::size_t count = 0;
    for (const auto& file : documents())
        for (const auto& block : code_blocks(read_file(file), "sh"))
            for (const char* start :
                 {"scripts/", "tests/", "bosh update-cloud-config", "build/release/libvirt_cpi"})
                for (const auto& words : commands(block, start)) {
                    const std::string path = words.front() == "bosh" ? words.at(2) : words.front();
                    CAPTURE(path);
                    CHECK((path.starts_with("build/") || std::filesystem::exists(path_in_tree(path))));
                    ++count;
                }
    CHECK(count > 8);
}

TEST_CASE("the documentation's bosh commands give each variable that their files want")
{
    std::size_t count = 0;
    for (const auto& file : documents())
        for (const auto& block : code_blocks(read_file(file), "sh")) {
            for (const auto& words : commands(block, "bosh create-env")) {
                CAPTURE(file);
                const Ran ran = interpolate_as(words, SOURCE_DIR "/tests/release/bosh.yml");
                CHECK_MESSAGE(ran.status == 0, ran.err);
                ++count;
            }
            for (const auto& words : commands(block, "bosh update-cloud-config")) {
                const Ran ran = interpolate_as(words, path_in_tree(words.at(2)));
                CHECK_MESSAGE(ran.status == 0, ran.err);
                ++count;
            }
        }
    CHECK(count == 3);
}

TEST_CASE("the stemcell that the first Director is given is that of its own VM")
{
    const std::string manifest = read_file(SOURCE_DIR "/manifests/cpi.yml");
    const auto blocks = code_blocks(read_file(SOURCE_DIR "/docs/first-director.md"), "sh");
    std::size_t count = 0;
    for (const auto& block : blocks)
        for (const auto& words : commands(block, "bosh upload-stemcell")) {
            check_says(manifest, {words.at(2)});
            ++count;
        }
    CHECK(count == 1);
}

TEST_CASE("the first Director's host is made by root, without sudo, which a minimal Debian does not have")
{
    const std::string page = read_file(SOURCE_DIR "/docs/first-director.md");
    const std::size_t begin = page.find("## The host\n");
    const std::size_t end = page.find("### Other distributions\n");
    REQUIRE(begin < end);
    const auto blocks = code_blocks(page.substr(begin, end - begin), "sh");
    CHECK(blocks.size() == 5);
    for (const auto& block : blocks) {
        CAPTURE(block);
        CHECK(block.find("sudo") == std::string::npos);
        // Without one or the other an ordinary user asks a libvirt of its own.
        if (block.find("virsh") != std::string::npos)
            CHECK((block.find("-c qemu:///system") != std::string::npos ||
                   block.find("LIBVIRT_DEFAULT_URI=qemu:///system") != std::string::npos));
    }
}

TEST_CASE("the documentation's table of operations has each file with the variables that it wants")
{
    const std::string text = read_file(SOURCE_DIR "/docs/install.md");
    for (const auto& entry : std::filesystem::directory_iterator{SOURCE_DIR "/manifests"}) {
        const std::string name = entry.path().filename();
        CAPTURE(name);
        CHECK(text.find(concat("`", name, "`")) != std::string::npos);
        const std::string manifest = read_file(entry.path());
        for (std::size_t at = manifest.find("((libvirt_"); at != std::string::npos;
             at = manifest.find("((libvirt_", at + 1)) {
            const std::string variable = manifest.substr(at + 2, manifest.find("))", at) - at - 2);
            CAPTURE(variable);
            CHECK(text.find(concat("`", variable, "`")) != std::string::npos);
        }
    }
}

TEST_CASE("the README says which suites run when none is named, and which `all` adds")
{
    // The table: name, lane, usual or more.
    std::map<std::string, std::set<std::string>> known;
    for (const auto& line : split(read_file(SOURCE_DIR "/scripts/test"), '\n')) {
        std::istringstream words{line};
        std::string name;
        std::string lane;
        std::string kind;
        if (words >> name >> lane >> kind && words.eof() && (kind == "usual" || kind == "more"))
            known[kind].insert(name);
    }
    CHECK(known["usual"].count("unit") == 1);

    const std::string readme = read_file(SOURCE_DIR "/README.md");
    const auto named_between = [&](std::string_view from, std::string_view to) {
        const std::size_t start = readme.find(from);
        const std::size_t end = readme.find(to, start);
        REQUIRE(end != std::string::npos);
        std::set<std::string> names;
        const auto pieces = split(readme.substr(start + from.size(), end - start - from.size()), '`');
        for (std::size_t i = 1; i < pieces.size(); i += 2)
            names.insert(pieces[i]);
        return names;
    };
    CHECK(named_between("when none is named are", "; a few of") == known["usual"]);
    CHECK(named_between("and adds", "All of these") == known["more"]);
}

TEST_CASE("each property of the job is documented")
{
    const std::string text =
        concat(read_file(SOURCE_DIR "/docs/install.md"), read_file(SOURCE_DIR "/docs/configuration.md"));
    const json::Document spec = yaml(read_file(SOURCE_DIR "/jobs/libvirt_cpi/spec"));
    for (const auto& each : json::root(spec).at("properties").members()) {
        const auto& property = each.first;
        CAPTURE(property);
        CHECK(text.find(concat("`", property, "`")) != std::string::npos);
    }
}

} // namespace cpi::test
