#pragma once

#include "json/codec.h"

/// Writes what the same tables read.
namespace cpi::json {

inline void write_value(Writer& out, const std::string& value)
{
    out.string(value);
}
inline void write_value(Writer& out, bool value)
{
    out.boolean(value);
}
inline void write_value(Writer& out, std::int64_t value)
{
    out.integer(value);
}
inline void write_value(Writer& out, const Verbatim& value)
{
    out.verbatim(value);
}
template <std::int64_t least, std::int64_t most>
void write_value(Writer& out, const Ranged<least, most>& value)
{
    out.integer(value.value);
}
template <Named T>
void write_value(Writer& out, const T& value)
{
    out.string(as_word(value));
}
template <class T>
void write_value(Writer& out, const std::optional<T>& value)
{
    if (value)
        write_value(out, *value);
    else
        out.null();
}
template <class T>
void write_value(Writer& out, const std::vector<T>& values)
{
    out.begin_array();
    for (const auto& value : values)
        write_value(out, value);
    out.end_array();
}

/// The members of an object that has been begun. What may be left out is where it says nothing.
template <Declared T>
void write_fields(Writer& out, const T& value)
{
    const auto write_field = [&]<class Struct, class Member>(const Field<Struct, Member>& field) {
        const Member& member = value.*field.member;
        if (field.presence == Presence::optional && is_same(member, T{}.*field.member))
            return;
        if constexpr (requires { member.has_value(); })
            if (!member.has_value())
                return;
        out.key(field.key);
        write_value(out, member);
    };
    std::apply([&](const auto&... field) { (write_field(field), ...); }, fields<T>);
}
template <Declared T>
void write_value(Writer& out, const T& value)
{
    out.begin_object();
    write_fields(out, value);
    out.end_object();
}

} // namespace cpi::json
