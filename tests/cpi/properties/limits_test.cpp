// What the tables of the documentation say of each property on each hypervisor is what becomes of it.

#include "cpi/cpi.h"
#include "cpi/methods.h"
#include "cpi/properties/limits.h"
#include "cpi/vm/vm_plan.h"
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
        require_possible(row_, row_.vm_limits, vm.given_keys);
        require_possible(row_, row_.nic_limits, networks.all.front().fields.cloud_properties.given_keys);
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

struct Sample {
    std::string_view key;
    std::string_view without = "{}";
    std::string_view with;
};

constexpr std::array vm_samples{
    Sample{.key = "cpus", .with = R"({"cpus":3})"},
    Sample{.key = "memory", .with = R"({"memory":333})"},
    Sample{.key = "ephemeral_disk", .with = R"({"ephemeral_disk":0})"},
    Sample{.key = "firmware", .with = R"({"firmware":"uefi"})"},
    Sample{.key = "virtualization", .with = R"({"virtualization":"pv"})"},
    Sample{.key = "graphics", .with = R"({"graphics":"rdp"})"},
    Sample{.key = "paravirt_provider", .with = R"({"paravirt_provider":"hyperv"})"},
    Sample{.key = "nested_paging", .with = R"({"nested_paging":false})"},
    Sample{.key = "format", .with = R"({"format":"qcow2"})"},
    Sample{.key = "encryption", .with = R"({"encryption":"luks"})"},
    Sample{.key = "cache", .with = R"({"cache":"none"})"},
    Sample{.key = "io", .with = R"({"io":"threads"})"},
    Sample{.key = "discard", .with = R"({"discard":"ignore"})"},
    Sample{.key = "iops", .with = R"({"iops":7})"},
    Sample{.key = "read_iops", .with = R"({"read_iops":7})"},
    Sample{.key = "write_iops", .with = R"({"write_iops":7})"},
    Sample{.key = "bandwidth", .with = R"({"bandwidth":7})"},
    Sample{.key = "read_bandwidth", .with = R"({"read_bandwidth":7})"},
    Sample{.key = "write_bandwidth", .with = R"({"write_bandwidth":7})"},
};
/// What is said to qemu-img and its like, or to libvirt beside the definition, or decides on what is tried.
constexpr std::array<std::string_view, 6> vm_keys_elsewhere{"root_disk", "acceleration",  "root_filesystem",
                                                            "autostart", "preallocation", "storage_pool"};

constexpr std::array nic_samples{
    Sample{.key = "network", .with = R"({"network":"vmnet8"})"},
    Sample{.key = "name", .with = R"({"name":"vmnet8"})"},
    Sample{.key = "type", .without = R"({"network":"a"})", .with = R"({"network":"a","type":"intnet"})"},
    Sample{.key = "bridge", .with = R"({"bridge":"br9"})"},
    Sample{.key = "direct", .with = R"({"direct":"eth9"})"},
    Sample{.key = "openvswitch",
           .without = R"({"bridge":"br9"})",
           .with = R"({"bridge":"br9","openvswitch":true})"},
    Sample{.key = "direct_mode",
           .without = R"({"direct":"eth9"})",
           .with = R"({"direct":"eth9","direct_mode":"vepa"})"},
    Sample{.key = "portgroup", .without = R"({"network":"a"})", .with = R"({"network":"a","portgroup":"p"})"},
    Sample{.key = "mac", .with = R"({"mac":"52:54:00:aa:00:01"})"},
    Sample{.key = "mtu", .with = R"({"mtu":1400})"},
    Sample{.key = "model", .with = R"({"model":"e1000"})"},
    Sample{.key = "vlan", .with = R"({"vlan":5})"},
    Sample{.key = "bandwidth", .with = R"({"bandwidth":{"inbound":5}})"},
    Sample{.key = "nwfilter", .with = R"({"nwfilter":"clean-traffic"})"},
};
constexpr std::array<std::string_view, 1> nic_keys_elsewhere{"dhcp_reservation"}; // of libvirt's network

const Limit* limit_of(std::span<const Limit> limits, std::string_view key)
{
    const auto found = std::ranges::find(limits, key, &Limit::subject);
    return found == limits.end() ? nullptr : &*found;
}

/// That a key is refused where that is said, and otherwise makes a difference unless it is said to be
/// ignored.
void check_sample(const Hypervisor& row, std::span<const Limit> limits, const Sample& sample,
                  const std::function<std::string(const std::string& given)>& made_with)
{
    CAPTURE(row.name);
    CAPTURE(sample.key);
    const Limit* limit = limit_of(limits, sample.key);
    std::string text;
    const Caught error = caught([&] {
        text = made_with(std::string{sample.with});
        return 0;
    });
    CAPTURE(error.what);
    if (limit != nullptr && limit->kind == Limit::Kind::refused)
        CHECK(error.what.find("is not possible on") != std::string::npos);
    else if (limit != nullptr && limit->kind == Limit::Kind::ignored)
        CHECK_FALSE(error.kind);
    else if (error.kind) // a value of it; all formats but one may be such
        CHECK((limit != nullptr || sample.key == "format"));
    else
        CHECK(text != made_with(std::string{sample.without}));
}

template <class Samples, class Elsewhere>
std::vector<std::string> sorted_keys(const Samples& samples, const Elsewhere& elsewhere)
{
    std::vector<std::string> keys{elsewhere.begin(), elsewhere.end()};
    for (const Sample& sample : samples)
        keys.emplace_back(sample.key);
    std::ranges::sort(keys);
    return keys;
}

template <class Properties>
std::vector<std::string> sorted_keys()
{
    std::vector<std::string> keys = json::keys<Properties>();
    std::ranges::sort(keys);
    return keys;
}

} // namespace

TEST_CASE("every subject of a limit is a method or a key, once")
{
    std::vector<std::string> method_names;
    for (const Method& method : methods())
        method_names.emplace_back(method.name);
    const auto check_subjects = [](std::span<const Limit> limits, const std::vector<std::string>& known) {
        for (const Limit& limit : limits) {
            CAPTURE(limit.subject);
            CHECK(std::ranges::count(known, limit.subject) == 1);
            CHECK(std::ranges::count(limits, limit.subject, &Limit::subject) == 1);
        }
    };
    for (const Hypervisor* row : hypervisors()) {
        CAPTURE(row->name);
        check_subjects(row->method_limits, method_names);
        check_subjects(row->vm_limits, json::keys<VmProperties>());
        check_subjects(row->nic_limits, json::keys<NetworkProperties>());
    }
}

TEST_CASE("every cloud property is honoured, refused or said to be ignored on each hypervisor")
{
    // A new key needs a sample here.
    CHECK(sorted_keys(vm_samples, vm_keys_elsewhere) == sorted_keys<VmProperties>());
    CHECK(sorted_keys(nic_samples, nic_keys_elsewhere) == sorted_keys<NetworkProperties>());
    for (const Hypervisor* row : hypervisors()) {
        Planner planner{*row};
        for (const Sample& sample : vm_samples)
            check_sample(*row, row->vm_limits, sample,
                         [&](const std::string& given) { return planner.definition_of(given, "{}"); });
        for (const Sample& sample : nic_samples)
            check_sample(*row, row->nic_limits, sample,
                         [&](const std::string& given) { return planner.definition_of("{}", given); });
    }
}

} // namespace cpi::test
