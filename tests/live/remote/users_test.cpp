// Who the CPI is on the other host: whatever login shell it has, and whatever it may not do.

#include "base/text.h"
#include "conformance/lab.h"
#include "live/remote/far_host.h"
#include "src/caught.h"

#include <doctest/doctest.h>

namespace cpi::test {

TEST_CASE("the user's login shell may be fish, tcsh or one that greets")
{
    for (const auto* user : {"fisher", "teaser", "crier"}) {
        CAPTURE(user);
        const FarHost host{1, user};
        CHECK(host.call("has_vm", R"(["vm-absent"])").require_ok().result_text() == "false");
        const std::string disk = host.cid("create_disk", "[8,{},null]");
        CHECK(host.call("has_disk", json_list({disk})).require_ok().result_text() == "true");
        CHECK(host.call("delete_disk", json_list({disk})).ok());
        const std::string stemcell = host.create_stemcell(); // which comes by a channel of its own
        CHECK(host.call("delete_stemcell", json_list({stemcell})).ok());
    }
}

TEST_CASE("a user who may not use libvirt is told which group is missing")
{
    const FarHost host{1, "stranger"};
    const Reply reply = host.call("has_vm", R"(["vm-absent"])");
    CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
    check_says(reply.message(), {"stranger@", "Permission denied", "usermod -aG libvirt stranger"});
}

TEST_CASE("containers need root there, which an ordinary user is told")
{
    const FarHost host{1, "operator"};
    const std::filesystem::path warden =
        trim(run_program({SOURCE_DIR "/tests/lab/warden-stemcells"}, {}, lab_environment()).out);
    const Reply reply = host.call_with(R"("hypervisor":"lxc")", "create_stemcell",
                                       stemcell_arguments(warden / "warden-systemd"));
    CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
    check_says(reply.message(), {"containers need root", "65501", "username: root"});
    CHECK(host.contents().empty());
}

TEST_CASE("a store that the user may not write to is told, with the cure")
{
    const FarHost host{1, "operator"};
    CHECK(host.run({"chown", "-R", "root:root", host.store()}).status == 0);
    const Reply reply = host.call("create_disk", "[8,{},null]");
    CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
    check_says(reply.message(), {host.store().native(), "Permission denied", "chown -R USER"});
}

} // namespace cpi::test
