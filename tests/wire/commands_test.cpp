// What the program says of itself to people and to their shells.

#include "base/text.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace cpi::test {

namespace {

std::string said(const std::vector<std::string>& argv)
{
    const Ran ran = run_program(argv);
    CAPTURE(ran.err);
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    return ran.out;
}

/// The program's script for a shell, in a file; the program is found as people find it.
struct Completion {
    TempDir folder;
    std::string script;
    std::string path = std::filesystem::path{LIBVIRT_CPI_EXECUTABLE}.parent_path().native();

    explicit Completion(const std::string& shell)
    {
        folder.write("script", said({LIBVIRT_CPI_EXECUTABLE, "completion", shell}));
        script = (folder.path() / "script").native();
    }
};

} // namespace

TEST_CASE("bash completes the words")
{
    const Completion bash{"bash"};
    CHECK(
        said(
            {"bash", "--norc", "-c",
             concat(
                 ". ", bash.script, "; PATH=", bash.path,
                 R"(:$PATH; COMP_WORDS=(libvirt_cpi config ''); COMP_CWORD=2; _libvirt_cpi; echo "${COMPREPLY[*]}"; complete -p libvirt_cpi)")}) ==
        "check schema\ncomplete -o default -F _libvirt_cpi libvirt_cpi\n");
}

TEST_CASE("zsh completes the words")
{
    const Completion zsh{"zsh"};
    CHECK(said({"zsh", "-f", "-c",
                concat("PATH=", zsh.path, ":$PATH; compdef() { print -r -- \"$@\" }; . ", zsh.script,
                       R"(; compadd() { print -r -- $found }; _files() { print files }; )"
                       R"(words=(libvirt_cpi config schema ''); CURRENT=4; _libvirt_cpi; )"
                       R"(words=(libvirt_cpi --config ''); CURRENT=3; _libvirt_cpi)")}) ==
          "_libvirt_cpi libvirt_cpi\nconfig vm_types disk_types networks\nfiles\n");
}

TEST_CASE("fish completes the words")
{
    const Completion fish{"fish"};
    CHECK(said({"fish", "--no-config", "-c",
                concat("set PATH ", fish.path, " $PATH; source ", fish.script,
                       "; complete -C 'libvirt_cpi completion '")}) == "bash\nfish\nzsh\n");
}

TEST_CASE("the manual is a page that man can show, and help has the same commands")
{
    TempDir folder;
    folder.write("libvirt_cpi.1", said({LIBVIRT_CPI_EXECUTABLE, "manual"}));
    const std::string page = (folder.path() / "libvirt_cpi.1").native();
    const std::string complaints = run_program({"mandoc", "-T", "lint", "-W", "warning", page}).out;
    CHECK(std::ranges::count(complaints, '\n') == 1); // the program does not know of what day it is
    CHECK(complaints.find("missing date") != std::string::npos);
    const std::string shown = said({"mandoc", "-T", "utf8", page});
    const std::string help = said({LIBVIRT_CPI_EXECUTABLE, "--help"});
    for (const auto* command :
         {"restore-disk", "convert-disk", "config check", "hypervisors", "completion"}) {
        CHECK(shown.find(command) != std::string::npos);
        CHECK(help.find(command) != std::string::npos);
    }
}

TEST_CASE("a shell that nobody knows has no completion, and the error says which have")
{
    const Ran ran = run_program({LIBVIRT_CPI_EXECUTABLE, "completion", "csh"});
    CHECK(ran.status == 1);
    CHECK(ran.out.empty());
    CHECK(ran.err == "there is no completion for 'csh'; there are: bash, zsh, fish\n");
}

} // namespace cpi::test
