#include "cpi/properties/possible.h"

#include "base/error.h"
#include "cpi/cpi.h"

#include <algorithm>

namespace cpi {

namespace {

/// What is said of those that are ignored; throws for one that is refused.
std::vector<std::string> judge(const Hypervisor& hypervisor, const Support& support,
                               const std::vector<PropertyFacts>& known, const std::vector<std::string>& given)
{
    std::vector<std::string> ignored;
    for (const auto& key : given) {
        const auto property = std::ranges::find(known, key, &PropertyFacts::key);
        if (property == known.end())
            continue; // for people
        const Verdict verdict = verdict_on(*property, support);
        if (verdict.kind == Verdict::Kind::refused)
            throw Error{ErrorKind::not_supported, not_possible(hypervisor, key, verdict.why)};
        if (verdict.kind == Verdict::Kind::ignored)
            ignored.push_back(not_possible(hypervisor, key, verdict.why));
    }
    return ignored;
}

template <class Properties>
void check(Cpi& cpi, std::string_view where, const Support& support, const std::vector<PropertyFacts>& known,
           const Properties& properties)
{
    if (!properties.unknown_keys.empty())
        cpi.log().warning(
            concat(where, ": this CPI does not know ", excerpt(join(properties.unknown_keys, ", "))));
    while_doing(where, [&] {
        for (const auto& ignored : judge(cpi.hypervisor(), support, known, properties.given_keys))
            cpi.log().warning(concat(where, ": ", ignored));
    });
}

} // namespace

std::string not_possible(const Hypervisor& hypervisor, std::string_view subject, std::string_view why)
{
    return concat("'", subject, "' is not possible on ", hypervisor.name, ": ", why);
}

void require_nics_possible(const Hypervisor& hypervisor, const std::vector<std::string>& keys)
{
    static_cast<void>(judge(hypervisor, hypervisor.of_nics, facts_of<NetworkProperties>(), keys));
}

void check_properties(Cpi& cpi, std::string_view where, const DiskOptions& given)
{
    check(cpi, where, cpi.hypervisor().of_vms, facts_of<DiskOptions>(), given);
}

void check_properties(Cpi& cpi, std::string_view where, const VmProperties& given)
{
    check(cpi, where, cpi.hypervisor().of_vms, vm_property_facts(), given);
}

void check_properties(Cpi& cpi, std::string_view where, const NetworkProperties& given)
{
    check(cpi, where, cpi.hypervisor().of_nics, facts_of<NetworkProperties>(), given);
}

} // namespace cpi
