#pragma once

#include "json/codec.h"

/// A JSON Schema from the same tables that read the JSON.
namespace cpi::json {

/// `write` writes the members of T's schema object. Each type that may be in a table has one.
template <class T>
struct SchemaOf;

/// For types that are texts in JSON.
struct SchemaOfText {
    static void write(Writer& out) { out.key("type").string("string"); }
};
template <>
struct SchemaOf<std::string> : SchemaOfText {
};
template <>
struct SchemaOf<Secret> {
    static void write(Writer& out) { out.key("type").string("string").key("writeOnly").boolean(true); }
};

template <>
struct SchemaOf<bool> {
    static void write(Writer& out) { out.key("type").string("boolean"); }
};

template <>
struct SchemaOf<std::int64_t> {
    static void write(Writer& out) { out.key("type").string("integer").key("minimum").integer(0); }
};

template <>
struct SchemaOf<Mebibytes> {
    static void write(Writer& out) { out.key("type").string("integer").key("minimum").integer(0); }
};

template <>
struct SchemaOf<RateLimit> {
    static void write(Writer& out) { out.key("type").string("integer").key("minimum").integer(0); }
};

template <>
struct SchemaOf<Verbatim> {
    static void write(Writer& /*anything*/) {}
};

template <>
struct SchemaOf<VerbatimObject> {
    static void write(Writer& out) { out.key("type").string("object"); }
};

template <std::int64_t least, std::int64_t most>
struct SchemaOf<Ranged<least, most>> {
    static void write(Writer& out)
    {
        out.key("type").string("integer").key("minimum").integer(least).key("maximum").integer(most);
    }
};

template <class T>
struct SchemaOf<std::optional<T>> : SchemaOf<T> {
};

template <class T>
struct SchemaOf<std::vector<T>> {
    static void write(Writer& out)
    {
        out.key("type").string("array").key("items").begin_object();
        SchemaOf<T>::write(out);
        out.end_object();
    }
};

template <class T>
struct SchemaOf<std::map<std::string, T>> {
    static void write(Writer& out)
    {
        out.key("type").string("object").key("additionalProperties").begin_object();
        SchemaOf<T>::write(out);
        out.end_object();
    }
};

template <Named T>
struct SchemaOf<T> {
    static void write(Writer& out)
    {
        out.key("enum").begin_array();
        for (const auto& row : names<T>)
            out.string(row.name);
        out.end_array();
    }
};

/// The schemas of T's members, by their keys.
template <Declared T>
void write_members(Writer& out)
{
    const auto write_member = [&out]<class Struct, class Member>(const Field<Struct, Member>& field) {
        out.key(field.key).begin_object();
        if (!field.about.empty())
            out.key("description").string(field.about);
        SchemaOf<Member>::write(out);
        out.end_object();
    };
    std::apply([&](const auto&... field) { (write_member(field), ...); }, fields<T>);
}

template <Declared T>
struct SchemaOf<T> {
    static void write(Writer& out)
    {
        out.key("type").string("object");
        out.key("properties").begin_object();
        write_members<T>(out);
        out.end_object();
        out.key("required").begin_array();
        const auto name_required = [&out](const auto& field) {
            if (field.presence == Presence::required)
                out.string(field.key);
        };
        std::apply([&](const auto&... field) { (name_required(field), ...); }, fields<T>);
        out.end_array();
        out.key("additionalProperties").boolean(unknown_keys<T> == UnknownKeys::ignore);
    }
};

} // namespace cpi::json
