// Names that a shell, libvirt's XML or SSH could take for something else: the same on every hypervisor, here
// and far away.

#include "base/text.h"
#include "conformance/lab.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

/// VMware's files cannot hold the others.
std::string awkward_name(const Lab& lab)
{
    const std::string name = R"(-a b'c$(touch pwned)`touch pwned`;&*?[x]{a,b}~!#%d\n<ü>,x=y:z)";
    return lab.row().name == "vmware" ? name : name + R"("|)";
}

/// Profiles of AppArmor would take some signs for patterns.
bool has_profiles(const Lab& lab)
{
    return lab.row().has_profiles &&
           lab.try_on_host({"grep", "-q", "^Y", "/sys/module/apparmor/parameters/enabled"}).status == 0;
}

std::string without_patterns(std::string name)
{
    std::erase_if(
        name, [](char sign) { return std::string_view{R"("[]{}*?\)"}.find(sign) != std::string_view::npos; });
    return name;
}

} // namespace

TEST_CASE("a store with an awkward name is a store, and a network with one is named in the error")
{
    const Lab lab;
    std::string name = awkward_name(lab);
    if (has_profiles(lab)) {
        LabCpi refusing{lab, {}, name};
        const Reply refused = refusing.call("create_disk", "[8,{},null]");
        CHECK(refused.message().find("AppArmor") != std::string::npos);
        name = without_patterns(name);
    }
    LabCpi cpi{lab, {}, name};
    const std::string stemcell = cpi.create_stemcell();
    const Reply created = cpi.try_create_vm(stemcell, 160);
    const std::string vm = created.require_ok().result().items().front().string();
    const std::string disk = cpi.cid("create_disk", concat("[64,{},", json_string(vm), "]"));
    CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",96]")).require_ok().result().is_null());
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).require_ok().ok());
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == json_list({disk}));
    const std::string snapshot = cpi.cid("snapshot_disk", concat("[", json_string(disk), ",{}]"));
    CHECK(cpi.names_in("snapshots").contains(snapshot));
    CHECK(
        cpi.call("set_vm_metadata", concat("[", json_string(vm), ",", R"({"name":)", json_string(name), "}]"))
            .require_ok()
            .result()
            .is_null());

    if (lab.row().why_no_networks.empty()) {
        const Reply refused = cpi.try_create_vm(
            stemcell, 161, LabCpi::small_vm,
            concat(R"({"type":"dynamic","cloud_properties":{"network":)", json_string(name), "}}"));
        CHECK(refused.error_type() == "Bosh::Clouds::NetworkNotFound");
        CHECK(refused.message().find(name) != std::string::npos);
    }

    CHECK(cpi.call("delete_vm", json_list({vm})).require_ok().result().is_null());
    CHECK(cpi.call("delete_snapshot", json_list({snapshot})).require_ok().result().is_null());
    CHECK(cpi.call("delete_disk", json_list({disk})).require_ok().result().is_null());
    CHECK(cpi.call("delete_stemcell", json_list({stemcell})).require_ok().result().is_null());
    for (const auto* kind : {"vms", "disks", "snapshots", "stemcells", ".in-progress"})
        CHECK(cpi.names_in(kind).empty());
    CHECK(lab.on_host({"find", cpi.folder(), "-name", "pwned"}).empty());
}

} // namespace cpi::test
