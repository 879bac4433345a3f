#include "cpi/properties/limits.h"

#include "base/error.h"
#include "cpi/cpi.h"
#include "cpi/methods.h"
#include "cpi/properties/network_types.h"
#include "cpi/properties/types.h"

#include <algorithm>
#include <functional>
#include <set>

namespace cpi {

namespace {

const Limit* find(std::span<const Limit> limits, std::string_view subject)
{
    const auto found = std::ranges::find(limits, subject, &Limit::subject);
    return found == limits.end() ? nullptr : &*found;
}

std::string refusal(const Hypervisor& hypervisor, const Limit& limit)
{
    return concat("'", limit.subject, "' is not possible on ", hypervisor.name, ": ", limit.why);
}

std::string table(std::string_view heading, const std::vector<std::string>& subjects,
                  const std::function<std::string(const Hypervisor&, const std::string& subject)>& cell)
{
    std::string text = concat("| ", heading, " |");
    std::string rule = "|---|";
    for (const Hypervisor* row : hypervisors()) {
        text += concat(" ", row->name, " |");
        rule += "---|";
    }
    text += concat("\n", rule, "\n");
    for (const auto& subject : subjects) {
        text += concat("| `", subject, "` |");
        for (const Hypervisor* row : hypervisors())
            text += concat(" ", cell(*row, subject), " |");
        text += "\n";
    }
    return text;
}

std::string cell_of(std::span<const Limit> limits, const std::string& subject)
{
    const Limit* limit = find(limits, subject);
    if (limit == nullptr)
        return "yes";
    switch (limit->kind) {
    case Limit::Kind::refused: return "no";
    case Limit::Kind::ignored: return "ignored";
    case Limit::Kind::differs: break;
    }
    return concat("yes, ", limit->why);
}

} // namespace

void require_possible(const Hypervisor& hypervisor, std::span<const Limit> limits,
                      const std::vector<std::string>& subjects)
{
    for (const auto& subject : subjects)
        if (const Limit* limit = find(limits, subject);
            limit != nullptr && limit->kind == Limit::Kind::refused)
            throw Error{ErrorKind::not_supported, refusal(hypervisor, *limit)};
}

void check_keys(Cpi& cpi, std::string_view where, std::span<const Limit> limits,
                const std::vector<std::string>& given, const std::vector<std::string>& unknown)
{
    if (!unknown.empty())
        cpi.log().warning(concat(where, ": this CPI does not know ", excerpt(join(unknown, ", "))));
    const Hypervisor& hypervisor = cpi.hypervisor();
    while_doing(where, [&] { require_possible(hypervisor, limits, given); });
    for (const auto& key : given)
        if (const Limit* limit = find(limits, key); limit != nullptr && limit->kind == Limit::Kind::ignored)
            cpi.log().warning(concat(where, ": ", refusal(hypervisor, *limit)));
}

std::string method_table()
{
    std::vector<std::string> names;
    std::set<std::string> built;
    for (const Method& method : methods()) {
        names.emplace_back(method.name);
        if (method.call != nullptr)
            built.emplace(method.name);
    }
    return table("method", names, [&](const Hypervisor& hypervisor, const std::string& name) {
        return built.contains(name) ? cell_of(hypervisor.method_limits, name) : "–";
    });
}

std::string vm_table()
{
    return table("of VMs and disks", json::keys<VmProperties>(),
                 [](const Hypervisor& hypervisor, const std::string& name) {
                     return cell_of(hypervisor.vm_limits, name);
                 });
}

std::string nic_table()
{
    return table("of networks", json::keys<NetworkProperties>(),
                 [](const Hypervisor& hypervisor, const std::string& name) {
                     return cell_of(hypervisor.nic_limits, name);
                 });
}

} // namespace cpi
