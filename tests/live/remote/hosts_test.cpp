// One executable and one configuration file for two hosts: which one it is comes with each call.

#include "base/text.h"
#include "conformance/lab.h"
#include "live/remote/far_host.h"
#include "src/caught.h"

#include <doctest/doctest.h>

namespace cpi::test {

TEST_CASE("two hosts never mix")
{
    const FarHost one{1};
    const FarHost two{2};
    const std::string vm = one.create_vm(one.create_stemcell());
    const std::string other = two.create_vm(two.create_stemcell());
    CHECK(one.call("has_vm", json_list({vm})).require_ok().result_text() == "true");
    CHECK(two.call("has_vm", json_list({vm})).require_ok().result_text() == "false");
    CHECK(one.call("has_vm", json_list({other})).require_ok().result_text() == "false");
    CHECK(two.call("has_vm", json_list({other})).require_ok().result_text() == "true");
    CHECK(one.run({"virsh", "-q", "list", "--name"}).out.find(vm) != std::string::npos);
    CHECK(two.run({"virsh", "-q", "list", "--name"}).out.find(vm) == std::string::npos);

    const std::string disk = two.cid("create_disk", "[8,{},null]");
    CHECK(one.call("has_disk", json_list({disk})).require_ok().result_text() == "false");
    CHECK(one.call("attach_disk", json_list({vm, disk})).error_type() == "Bosh::Clouds::DiskNotFound");
    CHECK(two.call("delete_vm", json_list({vm})).error_type() == "Bosh::Clouds::VMNotFound");
    CHECK(one.call("has_vm", json_list({vm})).require_ok().result_text() == "true");
}

TEST_CASE("one host's key does not speak for the other, and no secret of the context is told")
{
    const FarHost one{1, "operator"};
    const FarHost two{2};
    const std::string address = concat(R"("host":)", json_string(two.address()));
    const Reply reply = one.call_with(address, "has_vm", R"(["vm-x"])");
    CHECK_FALSE(reply.ok());
    check_says(reply.message(), {two.address(), "host key", "Somebody may be in between"});

    const std::string key = read_file(one.lab_file("key"));
    const std::string line = split(key, '\n').at(2);
    REQUIRE(line.size() > 40);
    for (const auto* broken :
         {R"("passphrase":"open-sesame")", R"("username":"nobody-there","passphrase":"open-sesame")"}) {
        const Reply said = one.call_with(broken, "has_vm", R"(["vm-x"])");
        const std::string all = concat(said.ran().out, said.ran().err);
        CHECK(all.find("open-sesame") == std::string::npos);
        CHECK(all.find(line) == std::string::npos);
    }
}

} // namespace cpi::test
