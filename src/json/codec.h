#pragma once

#include "json/json.h"

#include <array>
#include <limits>
#include <tuple>
#include <type_traits>

/// How C++ types look in JSON. A struct is declared, not coded: one `fields` table
/// reads it, explains it (`expected`) and knows which keys are misspelt.
namespace cpi::json {

enum class Presence : bool { optional, required };

template <class Struct, class Member>
struct Field {
    std::string_view key;
    Member Struct::*member = nullptr;
    Presence presence = Presence::optional;
    std::string_view about; // for people
};

template <class Struct, class Member>
consteval Field<Struct, Member> required(std::string_view key, Member Struct::*member,
                                         std::string_view about = {})
{
    return {key, member, Presence::required, about};
}

/// A field that keeps the struct's own default when it is absent or null.
template <class Struct, class Member>
consteval Field<Struct, Member> optional(std::string_view key, Member Struct::*member,
                                         std::string_view about = {})
{
    return {key, member, Presence::optional, about};
}

/// A struct's table: specialise it with a std::tuple of fields. What members demand of each other says a
/// function check_members(const Struct&, const Place&) beside the struct, if there is one.
template <class Struct>
constexpr std::tuple<> fields{};

/// What becomes of a key that the table does not have. A likely misspelling is refused in any case.
enum class UnknownKeys : bool { ignore, refuse };
template <class Struct>
constexpr UnknownKeys unknown_keys = UnknownKeys::ignore;

/// An enumeration's words: specialise it with a std::array of NamedValue. Read without regard to case.
template <class Enum>
struct NamedValue {
    std::string_view name;
    Enum value;
};
template <class Enum>
constexpr std::array<NamedValue<Enum>, 0> names{};

template <class T>
concept Declared = std::is_class_v<T> && std::tuple_size_v<std::remove_cvref_t<decltype(fields<T>)>>
!= 0;
template <class T>
concept Named = std::is_enum_v<T>;

/// A whole number that is known to lie within its bounds.
template <std::int64_t least, std::int64_t most>
struct Ranged {
    std::int64_t value = least;
};

/// Codec<T>::read turns a place into a T or fails saying why; expected() says what it takes.
template <class T>
struct Codec;

template <Declared T>
std::vector<std::string> keys()
{
    std::vector<std::string> keys;
    std::apply([&](const auto&... field) { (keys.emplace_back(field.key), ...); }, fields<T>);
    return keys;
}

/// Fails for a key that is misspelt or, if the struct wants that, unknown. Returns the unknown ones; a struct
/// that has a member `unknown_keys` gets them, and one that has `given_keys` those that are known and say
/// more than leaving them out.
std::vector<std::string> check_keys(const Place& place, const std::vector<std::string>& known,
                                    UnknownKeys unknown);

/// False for what cannot be compared.
template <class Member>
bool is_same(const Member& one, const Member& other)
{
    if constexpr (std::equality_comparable<Member>)
        return one == other;
    else
        return false;
}

/// Reads a struct from an object that may have members for others, too: `known` are the keys of all.
template <Declared T>
T read_members(const Place& place, const std::vector<std::string>& known)
{
    if (!place.is_object())
        place.fail_discreetly("an object");
    T value{};
    std::vector<std::string> unknown = check_keys(place, known, unknown_keys<T>);
    if constexpr (requires { value.unknown_keys; })
        value.unknown_keys = std::move(unknown);
    // A field may be one of a base class.
    const auto read_field = [&]<class Struct, class Member>(const Field<Struct, Member>& field) {
        const Place at = place.at(field.key);
        if (field.presence == Presence::required || !at.is_null())
            value.*field.member = Codec<Member>::read(at);
        if constexpr (requires { value.given_keys; })
            if (!at.is_null() && !is_same(value.*field.member, T{}.*field.member))
                value.given_keys.emplace_back(field.key);
    };
    std::apply([&](const auto&... field) { (read_field(field), ...); }, fields<T>);
    if constexpr (requires { check_members(value, place); })
        check_members(value, place);
    return value;
}

template <Declared T>
struct Codec<T> {
    static T read(const Place& place) { return read_members<T>(place, keys<T>()); }
    static std::string expected() { return "an object"; }
};

template <Named T>
struct Codec<T> {
    static T read(const Place& place)
    {
        if (place.is_string())
            for (const auto& row : names<T>)
                if (lower(row.name) == lower(place.string()))
                    return row.value;
        place.fail(expected());
    }
    static std::string expected()
    {
        std::string all;
        for (const auto& row : names<T>)
            all += concat(all.empty() ? "" : ", ", row.name);
        return concat("one of ", all);
    }
};

template <>
struct Codec<std::string> {
    static std::string read(const Place& place) { return place.string(); }
    static std::string expected() { return "a string"; }
};

template <>
struct Codec<Secret> {
    static Secret read(const Place& place)
    {
        if (!place.is_string())
            place.fail_discreetly(expected());
        return Secret{place.string()};
    }
    static std::string expected() { return "a string"; }
};

template <>
struct Codec<bool> {
    static bool read(const Place& place) { return place.boolean(); }
    static std::string expected() { return "true or false"; }
};

template <>
struct Codec<Mebibytes> {
    static constexpr std::int64_t most = std::int64_t{1} << 30U; // a pebibyte
    static Mebibytes read(const Place& place) { return {static_cast<std::uint64_t>(place.integer(0, most))}; }
    static std::string expected() { return concat("a whole number of MiB up to ", most); }
};

template <>
struct Codec<std::int64_t> {
    static std::int64_t read(const Place& place)
    {
        return place.integer(0, std::numeric_limits<std::int64_t>::max());
    }
    static std::string expected() { return "a whole number"; }
};

template <>
struct Codec<RateLimit> {
    static constexpr std::int64_t most = std::int64_t{1} << 40U;
    static RateLimit read(const Place& place) { return {static_cast<std::uint64_t>(place.integer(0, most))}; }
    static std::string expected() { return concat("a whole number up to ", most, ", 0 for no limit"); }
};

template <std::int64_t least, std::int64_t most>
struct Codec<Ranged<least, most>> {
    static Ranged<least, most> read(const Place& place) { return {place.integer(least, most)}; }
    static std::string expected() { return concat("a whole number from ", least, " to ", most); }
};

template <>
struct Codec<Verbatim> {
    static Verbatim read(const Place& place) { return place.verbatim(); }
    static std::string expected() { return "any JSON"; }
};

template <>
struct Codec<VerbatimObject> {
    static VerbatimObject read(const Place& place)
    {
        if (!place.is_object())
            place.fail_discreetly(expected());
        return VerbatimObject{place.verbatim().text};
    }
    static std::string expected() { return "an object"; }
};

template <class T>
struct Codec<std::optional<T>> {
    static std::optional<T> read(const Place& place)
    {
        if (place.is_null())
            return std::nullopt;
        return Codec<T>::read(place);
    }
    static std::string expected() { return Codec<T>::expected(); }
};

template <class T>
struct Codec<std::vector<T>> {
    static std::vector<T> read(const Place& place)
    {
        std::vector<T> values;
        for (const Place& item : place.items())
            values.push_back(Codec<T>::read(item));
        return values;
    }
    static std::string expected() { return concat("an array, each item ", Codec<T>::expected()); }
};

template <class T>
struct Codec<std::map<std::string, T>> {
    static std::map<std::string, T> read(const Place& place)
    {
        std::map<std::string, T> values;
        for (const auto& [key, at] : place.members())
            values.emplace(key, Codec<T>::read(at));
        return values;
    }
    static std::string expected() { return concat("an object, each value ", Codec<T>::expected()); }
};

/// A value in one word, as it would be written; empty for what says nothing, or too much.
template <class T>
std::string as_word(const T& /*value*/)
{
    return {};
}
inline std::string as_word(const std::string& value)
{
    return value;
}
inline std::string as_word(bool value)
{
    return value ? "true" : "false";
}
inline std::string as_word(const Mebibytes& value)
{
    return std::to_string(value.count);
}
inline std::string as_word(const RateLimit& value)
{
    return value.value == 0 ? std::string{} : std::to_string(value.value);
}
template <std::int64_t least, std::int64_t most>
std::string as_word(const Ranged<least, most>& value)
{
    return std::to_string(value.value);
}
template <Named T>
std::string as_word(const T& value)
{
    for (const auto& row : names<T>)
        if (row.value == value)
            return std::string{row.name};
    return {};
}

template <class T>
std::string as_word(const std::optional<T>& value)
{
    return value ? as_word(*value) : std::string{};
}

} // namespace cpi::json
