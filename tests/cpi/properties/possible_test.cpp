// What the tables of the documentation say of each property on each hypervisor is what becomes of it.

#include "cpi/cpi.h"
#include "cpi/methods.h"
#include "cpi/properties/possible.h"
#include "cpi/vm/plan.h"
#include "host/local_host.h"
#include "lxc/lxc.h"
#include "qemu/qemu.h"
#include "src/caught.h"
#include "support/temp_dir.h"
#include "vbox/vbox.h"
#include "vmware/vmware_definition.h"
#include "xen/xen.h"

#include <algorithm>
#include <array>

namespace cpi::test {

namespace {

/// What the hypervisor is told of a VM.
std::string definition(const Hypervisor& row, const DomainSpec& spec)
{
    if (row.name == "vmware")
        return vmware::record_of(spec, "00000000-0000-4000-8000-000000000000");
    if (row.name == "vbox") {
        std::string calls;
        for (const auto& words : vbox::creation(spec))
            calls += concat(join(words, " "), "\n");
        return calls;
    }
    const Machinery& machinery = row.name == "lxc"   ? lxc_machinery()
                                 : row.name == "xen" ? xen_machinery()
                                                     : qemu_machinery();
    return machinery.domain_xml(spec, machinery.domain_types.front());
}

/// A CPI for one hypervisor, with a stemcell that it could have taken in.
class Planner {
public:
    explicit Planner(const Hypervisor& row) : row_{row}
    {
        std::filesystem::create_directories(folder_.path() / "stemcells/sc-a");
        folder_.write("stemcells/sc-a/stemcell.json",
                      concat(R"({"settings":"config-drive","firmware":"bios","format":")",
                             row.base_formats.empty() ? "" : row.base_formats.front(),
                             R"(","virtual_size":1048576,"hypervisor":")", row.name, R"("})"));
    }

    /// The names of the VM and its files are the same each time.
    [[nodiscard]] std::string definition_of(const std::string& properties, const std::string& network)
    {
        const json::Document wanted = json::parse(properties, "the properties");
        const json::Document given = json::parse(
            concat(R"({"n":{"type":"manual","ip":"10.0.0.5","netmask":"255.255.255.0","cloud_properties":)",
                   network, "}}"),
            "the networks");
        const auto vm = json::Codec<VmProperties>::read(json::root(wanted));
        const auto networks = json::Codec<Networks>::read(json::root(given));
        check_properties(cpi_, "the VM", vm);
        check_properties(cpi_, "the network", networks.all.front().fields.cloud_properties);
        VmPlan plan = plan_vm(cpi_, StemcellCid{"sc-a"}, vm, networks);
        for (const PlannedNic& planned : plan.networks.nics)
            plan.spec.nics.push_back(planned.nic);
        plan.spec.nics.front().mac = given_mac(networks).value_or("52:54:00:00:00:01");
        std::string text = definition(row_, plan.spec);
        for (auto at = text.find(plan.cid.str()); at != std::string::npos; at = text.find(plan.cid.str()))
            text.replace(at, plan.cid.str().size(), "VM");
        return text;
    }

private:
    static std::optional<std::string> given_mac(const Networks& networks)
    {
        const auto& mac = networks.all.front().fields.cloud_properties.mac;
        return mac ? std::optional{mac->text} : std::nullopt;
    }
    static Config config_of(const Hypervisor& row, const TempDir& folder)
    {
        const json::Document no_context;
        return read_config(concat(R"({"hypervisor":")", row.name, R"(","store_dir":")",
                                  folder.path().native(), R"(","agent":{"mbus":"nats://a:1"}})"),
                           "cpi.json", json::root(no_context));
    }

    const Hypervisor& row_;
    TempDir folder_;
    Log log_;
    LocalHost host_;
    Config config_ = config_of(row_, folder_);
    Cpi cpi_{config_, host_, log_};
};

/// What is said to qemu-img and its like, or to libvirt beside the definition, or decides on what is tried.
constexpr std::array<std::string_view, 7> elsewhere{"root_disk",       "acceleration",  "root_filesystem",
                                                    "autostart",       "preallocation", "storage_pool",
                                                    "dhcp_reservation"};

/// What a property has a meaning with.
std::string beside(std::string_view key)
{
    if (key == "type" || key == "portgroup")
        return R"("network":"a")";
    if (key == "openvswitch")
        return R"("bridge":"br9")";
    return key == "direct_mode" ? R"("direct":"eth9")" : "";
}

/// That a property is refused where that is said, and otherwise makes a difference unless it is said to be
/// ignored.
void check_example(const Hypervisor& row, const Support& support, const PropertyFacts& property,
                   const std::function<std::string(const std::string& given)>& made_with)
{
    CAPTURE(row.name);
    CAPTURE(property.key);
    REQUIRE_FALSE(property.traits.example.empty());
    const std::string other = beside(property.key);
    const std::string without = concat("{", other, "}");
    const std::string with = concat("{", other, other.empty() ? "" : ",", R"(")", property.key, R"(":)",
                                    property.traits.example, "}");
    const Verdict verdict = verdict_on(property, support);
    std::string text;
    const Caught error = caught([&] {
        text = made_with(with);
        return 0;
    });
    CAPTURE(error.what);
    if (verdict.kind == Verdict::Kind::refused)
        CHECK(error.what.find("is not possible on") != std::string::npos);
    else if (verdict.kind == Verdict::Kind::ignored)
        CHECK_FALSE(error.kind);
    else if (std::ranges::find(elsewhere, property.key) != elsewhere.end())
        return;
    else if (error.kind) // a value of it; all formats but one may be such
        CHECK((!verdict.why.empty() || property.key == "format"));
    else
        CHECK(text != made_with(without));
}

/// That what is said of properties is said of such as there are, once, and that no reason is missing.
void check_support(const Support& support, const std::vector<PropertyFacts>& properties)
{
    const auto count_of = [&](std::string_view key) {
        return std::ranges::count(properties, key, &PropertyFacts::key);
    };
    for (const Honour& honour : support.honours) {
        CAPTURE(honour.key);
        CHECK(count_of(honour.key) == 1);
        CHECK(std::ranges::count(support.honours, honour.key, &Honour::key) == 1);
    }
    for (const Refusal& refusal : support.refusals)
        if (!refusal.key.empty()) {
            CAPTURE(refusal.key);
            CHECK(count_of(refusal.key) == 1);
            CHECK(std::ranges::count(support.honours, refusal.key, &Honour::key) == 0);
        }
    for (const PropertyFacts& property : properties) {
        CAPTURE(property.key);
        CHECK(verdict_on(property, support).why != "nothing is done about it there");
    }
}

} // namespace

TEST_CASE("a hypervisor honours what there is, and has a reason for what it does not")
{
    for (const Hypervisor* row : hypervisors()) {
        CAPTURE(row->name);
        check_support(row->of_vms, vm_property_facts());
        check_support(row->of_nics, facts_of<NetworkProperties>());
        for (const Note& note : row->method_notes)
            CHECK(std::ranges::count(methods(), note.subject, &Method::name) == 1);
    }
}

TEST_CASE("every cloud property is honoured, refused or said to be ignored on each hypervisor")
{
    for (const Hypervisor* row : hypervisors()) {
        Planner planner{*row};
        for (const PropertyFacts& property : vm_property_facts())
            check_example(*row, row->of_vms, property,
                          [&](const std::string& given) { return planner.definition_of(given, "{}"); });
        for (const PropertyFacts& property : facts_of<NetworkProperties>())
            check_example(*row, row->of_nics, property,
                          [&](const std::string& given) { return planner.definition_of("{}", given); });
    }
}

TEST_CASE(
    "what nobody says that a hypervisor honours is refused there, with the family's reason if it has one")
{
    const PropertyFacts property{
        .key = "new", .about = {}, .values = {}, .usual = {}, .traits = {Family::limit}};
    CHECK(verdict_on(property, {}).kind == Verdict::Kind::refused);
    static constexpr std::array reasons{lacks(Family::limit, "no limits"), lacks(Family::nic, "no NICs")};
    CHECK(verdict_on(property, {{}, reasons}).why == "no limits");
    static constexpr std::array honoured{Honour{"new"}};
    CHECK(verdict_on(property, {honoured, reasons}).kind == Verdict::Kind::honoured);
}

} // namespace cpi::test
