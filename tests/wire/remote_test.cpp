// The examples of docs/remote.md, as a Director would give them.

#include "base/text.h"
#include "support/cpi_process.h"
#include "support/documents.h"
#include "support/release.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <set>

namespace cpi::test {

TEST_CASE("the two hosts of the documentation are taken as they are")
{
    const auto examples = code_blocks(read_file(SOURCE_DIR "/docs/remote.md"), "yaml");
    const json::Document cpi_config = yaml(examples.at(0));
    const json::Document cloud_config = yaml(examples.at(1));
    const TempDir folder;
    const CpiProcess cpi{
        folder.write("cpi.json", R"({"store_dir":"/nowhere","agent":{"mbus":"nats://192.168.122.1:4222"}})")};
    std::set<std::string> names;
    for (const json::Place& one : json::root(cpi_config).at("cpis").items()) {
        names.insert(one.at("name").string());
        const std::string properties = one.at("properties").verbatim().text;
        CAPTURE(properties);
        CHECK(cpi.call("ping", "[]", properties).require_ok().result_text() == R"("pong")");
        // A file with them has no key that is not one of the CPI's.
        const json::Verbatim whole =
            json::with_members({properties}, {R"({"agent":{"mbus":"nats://192.168.122.1:4222"}})"});
        const std::string file = folder.write("whole.json", whole.text);
        CHECK(run_program({LIBVIRT_CPI_EXECUTABLE, "config", "check", file}).status == 0);
    }
    CHECK(names.size() == 2);
    for (const json::Place& az : json::root(cloud_config).at("azs").items())
        CHECK(names.contains(az.at("cpi").string()));
    for (const json::Place& type : json::root(cloud_config).at("vm_types").items())
        CHECK(type.at("cloud_properties").at("memory").integer(1, 1 << 20) > 0);
}

} // namespace cpi::test
