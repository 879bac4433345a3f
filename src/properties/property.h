#pragma once

#include "json/codec.h"

#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace cpi {

/// What a cloud property is about. A hypervisor may have one reason for all of a family.
enum class Family { machine, image, tuning, limit, place, nic };

/// What becomes of a property about which the hypervisor does nothing.
enum class Unheeded : bool {
    refused,
    ignored, // with a warning: nothing is lost by going on without it
};

struct Traits {
    Family family;
    Unheeded unheeded = Unheeded::refused;
    std::string_view usual = {};    // what holds when nothing is said, where its type does not say it
    std::string_view only_for = {}; // why others do nothing about it: "it is for containers"
    std::string_view example = {};  // JSON, something else than the usual
};

/// A cloud property: a member of what was asked for, and all that is known of it. From these objects come
/// reading, checking, near misses, the schemas, and the tables of the documentation.
template <class Struct, class Member>
struct Property : json::Field<Struct, Member> {
    Traits traits;
};

template <class Struct, class Member>
consteval Property<Struct, Member> property(std::string_view key, Member Struct::*member,
                                            std::string_view about, const Traits& traits)
{
    return {{key, member, json::Presence::optional, about}, traits};
}

/// The same of any property, for those who look at all of them.
struct PropertyFacts {
    std::string_view key;
    std::string_view about;
    std::string values; // what may be said
    std::string usual;  // what holds when nothing is said
    Traits traits;
};

/// In the order of the struct's table.
template <json::Declared T>
std::vector<PropertyFacts> facts_of()
{
    std::vector<PropertyFacts> all;
    const auto add = [&all]<class Struct, class Member>(const Property<Struct, Member>& one) {
        std::string usual = json::as_word(T{}.*one.member);
        all.push_back({one.key, one.about, json::Codec<Member>::expected(),
                       usual.empty() ? std::string{one.traits.usual} : usual, one.traits});
    };
    std::apply([&](const auto&... one) { (add(one), ...); }, json::fields<T>);
    return all;
}

} // namespace cpi
