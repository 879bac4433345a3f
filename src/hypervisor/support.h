#pragma once

#include "json/schema.h"
#include "properties/property.h"

#include <any>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What a hypervisor does about cloud properties. What it does not say that it honours it does not.
namespace cpi {

struct Honour {
    std::string_view key;
    std::string_view how = {}; // where it is not as on qemu
};
template <class Struct, class Member>
consteval Honour honours(const Property<Struct, Member>& property, std::string_view how = {})
{
    return {property.key, how};
}

/// Why one, or a whole family, is not honoured.
struct Refusal {
    std::string_view key; // empty: the family
    Family family;
    std::string_view why;
};
template <class Struct, class Member>
consteval Refusal lacks(const Property<Struct, Member>& property, std::string_view why)
{
    return {property.key, property.traits.family, why};
}
consteval Refusal lacks(Family family, std::string_view why)
{
    return {{}, family, why};
}

struct Support {
    std::span<const Honour> honours;
    std::span<const Refusal> refusals;
};

struct Verdict {
    enum class Kind { honoured, ignored, refused };
    Kind kind = Kind::refused;
    std::string_view why = {}; // or how, where it is honoured
};
[[nodiscard]] Verdict verdict_on(const PropertyFacts& property, const Support& support);

/// Properties that one hypervisor alone has. It honours all of them.
struct OwnProperties {
    std::vector<PropertyFacts> (*facts)();
    /// `keys` are all that there are; those that are given, and say more than leaving them out, are added to
    /// `given`.
    std::any (*read)(const json::Place& place, const std::vector<std::string>& keys,
                     std::vector<std::string>& given);
    void (*write_schema)(json::Writer& out);
};

template <class T>
consteval OwnProperties own_properties()
{
    return {
        &facts_of<T>,
        [](const json::Place& place, const std::vector<std::string>& keys, std::vector<std::string>& given) {
            T own = json::read_members<T>(place, keys);
            given.insert(given.end(), own.given_keys.begin(), own.given_keys.end());
            return std::any{std::move(own)};
        },
        &json::write_members<T>};
}

} // namespace cpi
