#include "hypervisor/support.h"

#include <algorithm>

namespace cpi {

Verdict verdict_on(const PropertyFacts& property, const Support& support)
{
    const auto honour = std::ranges::find(support.honours, property.key, &Honour::key);
    if (honour != support.honours.end())
        return {Verdict::Kind::honoured, honour->how};
    const auto kind =
        property.traits.unheeded == Unheeded::ignored ? Verdict::Kind::ignored : Verdict::Kind::refused;
    if (!property.traits.only_for.empty())
        return {kind, property.traits.only_for};
    auto refusal = std::ranges::find(support.refusals, property.key, &Refusal::key);
    if (refusal == support.refusals.end())
        refusal = std::ranges::find_if(support.refusals, [&](const Refusal& one) {
            return one.key.empty() && one.family == property.traits.family;
        });
    return {kind, refusal == support.refusals.end() ? "nothing is done about it there" : refusal->why};
}

} // namespace cpi
