// The documents say what the program says, and their links lead somewhere.

#include "base/text.h"
#include "cpi/operator/tables.h"
#include "support/cpi_process.h"
#include "support/documents.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

namespace cpi::test {

namespace {

/// The lines of a document between a comment `libvirt_cpi COMMAND: NAME` and one that says `end` hold the
/// table. CPI_TEST_ACCEPT puts it there.
void check_table(const std::string& document, std::string_view command, std::string_view name,
                 const std::string& table)
{
    const std::string path = concat(SOURCE_DIR "/", document);
    const std::string text = read_file(path);
    const std::string begin = concat("<!-- libvirt_cpi ", command, ": ", name, " -->\n");
    const std::size_t at = text.find(begin);
    REQUIRE(at != std::string::npos);
    const std::size_t from = at + begin.size();
    const std::size_t to = text.find("<!-- end -->", from);
    REQUIRE(to != std::string::npos);
    if (std::getenv("CPI_TEST_ACCEPT") != nullptr) // NOLINT(concurrency-mt-unsafe): nothing changes it
        std::ofstream{path} << text.substr(0, from) << table << text.substr(to);
    else
        CHECK(text.substr(from, to - from) == table);
}

} // namespace

TEST_CASE("the documents' tables are those that the program makes")
{
    check_table("README.md", "hypervisors", "methods", method_table());
    const std::string page = "docs/properties.md";
    check_table(page, "properties", "VMs and disks", vm_table());
    check_table(page, "hypervisors", "VMs and disks", vm_support_table());
    check_table(page, "properties", "networks", nic_table());
    check_table(page, "hypervisors", "networks", nic_support_table());
    CHECK(run_program({LIBVIRT_CPI_EXECUTABLE, "hypervisors"}).out ==
          concat(method_table(), "\n", vm_support_table(), "\n", nic_support_table()));
    CHECK(run_program({LIBVIRT_CPI_EXECUTABLE, "properties"}).out == concat(vm_table(), "\n", nic_table()));
}

TEST_CASE("the links of the README and of the documentation lead to files")
{
    const auto files = documents();
    CHECK(files.size() > 10);
    for (const auto& file : files) {
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
