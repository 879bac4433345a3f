#include "json/json.h"

#include <rapidjson/error/en.h>

#include <algorithm>
#include <memory>

namespace cpi::json {

namespace {

std::string position(std::string_view text, std::size_t offset)
{
    const std::string_view before = text.substr(0, offset);
    const auto lines = std::ranges::count(before, '\n');
    const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    return concat("line ", lines + 1, ", column ", offset - line_start + 1);
}

std::string type_name(const rapidjson::Value& value)
{
    switch (value.GetType()) {
    case rapidjson::kNullType: return "null";
    case rapidjson::kFalseType:
    case rapidjson::kTrueType: return "a boolean";
    case rapidjson::kObjectType: return "an object";
    case rapidjson::kArrayType: return "an array";
    case rapidjson::kStringType: return "a string";
    case rapidjson::kNumberType: break;
    }
    return "a number";
}

std::string text_of(const rapidjson::Value& value)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
    value.Accept(writer);
    return buffer.GetString();
}

/// "the string "two"", "the number -1", "an object": short enough for an error message.
std::string description(const rapidjson::Value& value)
{
    if (value.IsBool())
        return text_of(value);
    if (value.IsNumber())
        return concat("the number ", text_of(value));
    if (!value.IsString())
        return type_name(value);
    const std::string_view text{value.GetString(), value.GetStringLength()};
    constexpr std::size_t longest = 60;
    return concat("the string \"", excerpt(text, longest), "\"");
}

/// Whoever walks the document afterwards does so by recursion.
void check_depth(std::string_view text, std::string_view what)
{
    constexpr int deepest = 500;
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string && c == '\\')
            ++i;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{') && ++depth > deepest)
            throw Error{ErrorKind::invalid_call, concat(what, " is nested deeper than ", deepest, " levels")};
        else if (!in_string && (c == ']' || c == '}'))
            --depth;
    }
}

bool is_unicode(const Document& document)
{
    using Utf8 = rapidjson::UTF8<>;
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer, Utf8, Utf8, rapidjson::CrtAllocator,
                      rapidjson::kWriteValidateEncodingFlag>
        writer{buffer};
    return document.Accept(writer);
}

void merge_objects(rapidjson::Value& into, const rapidjson::Value& from, Document::AllocatorType& allocator)
{
    for (const auto& member : from.GetObject()) {
        if (!into.HasMember(member.name)) {
            into.AddMember({member.name, allocator}, {member.value, allocator}, allocator);
            continue;
        }
        auto& existing = into[member.name];
        if (existing.IsObject() && member.value.IsObject())
            merge_objects(existing, member.value, allocator);
        else
            existing.CopyFrom(member.value, allocator);
    }
}

} // namespace

Document parse(std::string_view text, std::string_view what)
{
    check_depth(text, what);
    // Iterative: what is not JSON may still be nested deeply.
    constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
    Document document;
    document.Parse<flags>(text.data(), text.size());
    if (document.HasParseError())
        throw Error{ErrorKind::invalid_call,
                    concat(what, " is not JSON: ", rapidjson::GetParseError_En(document.GetParseError()),
                           " (", position(text, document.GetErrorOffset()), ")")};
    // The parser checks the text's own encoding, but not what escapes stand for.
    if (text.find("\\u") != std::string_view::npos && !is_unicode(document))
        throw Error{ErrorKind::invalid_call,
                    concat(what, " is not JSON: an escape stands for half a character")};
    return document;
}

void merge(Document& into, const rapidjson::Value& from)
{
    merge_objects(into, from, into.GetAllocator());
}

Verbatim with_member(const Verbatim& object, std::string_view key, std::string_view value)
{
    return with_members(object, {Writer{}.begin_object().key(key).string(value).end_object().text()});
}

Verbatim with_members(const Verbatim& object, const Verbatim& additions)
{
    Document document = parse(object.text, "an object");
    merge(document, parse(additions.text, "an object"));
    return {text_of(document)};
}

Document members_if(const Place& object, const std::function<bool(const std::string& key)>& wanted)
{
    Writer out;
    out.begin_object();
    if (object.is_object())
        for (const auto& [key, at] : object.members())
            if (wanted(key))
                out.key(key).verbatim(at.verbatim());
    out.end_object();
    return parse(out.text(), "a part of an object");
}

Place Place::at(std::string_view key) const
{
    std::string path = path_.empty() ? std::string{key} : concat(path_, '.', key);
    if (!is_object())
        return {nullptr, std::move(path)};
    const rapidjson::Value name{
        rapidjson::StringRef(key.data(), static_cast<rapidjson::SizeType>(key.size()))};
    const auto member = value_->FindMember(name);
    return {member == value_->MemberEnd() ? nullptr : &member->value, std::move(path)};
}

std::vector<Place> Place::items() const
{
    if (!is_array())
        fail("an array");
    std::vector<Place> items;
    items.reserve(value_->Size());
    for (const auto& item : value_->GetArray())
        items.emplace_back(&item, concat(path_, '[', items.size(), ']'));
    return items;
}

std::vector<std::pair<std::string, Place>> Place::members() const
{
    if (!is_object())
        fail("an object");
    std::vector<std::pair<std::string, Place>> members;
    members.reserve(value_->MemberCount());
    for (const auto& member : value_->GetObject()) {
        const std::string key{member.name.GetString(), member.name.GetStringLength()};
        members.emplace_back(key, Place{&member.value, path_.empty() ? key : concat(path_, '.', key)});
    }
    return members;
}

std::string Place::string() const
{
    if (!is_string())
        fail("a string");
    return {value_->GetString(), value_->GetStringLength()};
}

std::int64_t Place::integer(std::int64_t least, std::int64_t most) const
{
    if (!is_integer() || value_->GetInt64() < least || value_->GetInt64() > most)
        fail(concat("a whole number from ", least, " to ", most));
    return value_->GetInt64();
}

bool Place::boolean() const
{
    if (value_ == nullptr || !value_->IsBool())
        fail("true or false");
    return value_->GetBool();
}

Verbatim Place::verbatim() const
{
    return value_ == nullptr ? Verbatim{} : Verbatim{text_of(*value_)};
}

void Place::fail(std::string_view expected) const
{
    throw Error{ErrorKind::invalid_call, concat(excerpt(path_), ": expected ", expected, ", got ",
                                                value_ == nullptr ? "nothing" : description(*value_))};
}

void Place::fail_discreetly(std::string_view expected) const
{
    throw Error{ErrorKind::invalid_call, concat(excerpt(path_), ": expected ", expected, ", got ",
                                                value_ == nullptr ? "nothing" : type_name(*value_))};
}

Writer& Writer::begin_object()
{
    writer_.StartObject();
    return *this;
}

Writer& Writer::end_object()
{
    writer_.EndObject();
    return *this;
}

Writer& Writer::begin_array()
{
    writer_.StartArray();
    return *this;
}

Writer& Writer::end_array()
{
    writer_.EndArray();
    return *this;
}

Writer& Writer::key(std::string_view name)
{
    return string(name);
}

Writer& Writer::string(std::string_view text)
{
    const std::string clean = printable_utf8(text);
    writer_.String(clean.data(), static_cast<rapidjson::SizeType>(clean.size()));
    return *this;
}

Writer& Writer::integer(std::int64_t number)
{
    writer_.Int64(number);
    return *this;
}

Writer& Writer::boolean(bool truth)
{
    writer_.Bool(truth);
    return *this;
}

Writer& Writer::null()
{
    writer_.Null();
    return *this;
}

Writer& Writer::verbatim(const Verbatim& value)
{
    writer_.RawValue(value.text.data(), value.text.size(), rapidjson::kObjectType);
    return *this;
}

std::string pretty(std::string_view text)
{
    const Document document = parse(text, "the text to show");
    rapidjson::StringBuffer buffer;
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer{buffer};
    writer.SetIndent(' ', 2);
    document.Accept(writer);
    return buffer.GetString();
}

} // namespace cpi::json
