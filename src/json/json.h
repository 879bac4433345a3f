#pragma once

#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/units.h"

#include <rapidjson/document.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cpi::json {

using Document = rapidjson::Document;

/// Parses `text`; what is wrong is said with line and column, as `what` ("the request").
[[nodiscard]] Document parse(std::string_view text, std::string_view what);

/// Lays `from` over `into`: objects are merged key by key, anything else is replaced.
void merge(Document& into, const rapidjson::Value& from);

/// JSON that is passed on as it came. It is text of its own type so that no log can take it.
struct Verbatim {
    std::string text = "null";
};

/// An object that is passed on as it came.
struct VerbatimObject : Verbatim {
    VerbatimObject() : Verbatim{"{}"} {}
    explicit VerbatimObject(std::string object) : Verbatim{std::move(object)} {}
};

class Place;

/// An object of the members whose keys are `wanted`. What is no object has none.
[[nodiscard]] Document members_if(const Place& object,
                                  const std::function<bool(const std::string& key)>& wanted);

/// The JSON object `object` with one more member, or with that member replaced.
[[nodiscard]] Verbatim with_member(const Verbatim& object, std::string_view key, std::string_view value);
/// The JSON object `object` with the members of another one, which win.
[[nodiscard]] Verbatim with_members(const Verbatim& object, const Verbatim& additions);

/// A place in a parsed document; it knows its own path, so an error can say where.
class Place {
public:
    Place(const rapidjson::Value* value, std::string path) : value_{value}, path_{std::move(path)} {}

    /// Absent and null are the same to a reader.
    [[nodiscard]] bool is_null() const noexcept { return value_ == nullptr || value_->IsNull(); }
    [[nodiscard]] bool is_object() const noexcept { return value_ != nullptr && value_->IsObject(); }
    [[nodiscard]] bool is_array() const noexcept { return value_ != nullptr && value_->IsArray(); }
    [[nodiscard]] bool is_string() const noexcept { return value_ != nullptr && value_->IsString(); }
    [[nodiscard]] bool is_integer() const noexcept { return value_ != nullptr && value_->IsInt64(); }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    [[nodiscard]] Place at(std::string_view key) const;
    [[nodiscard]] std::vector<Place> items() const;
    [[nodiscard]] std::vector<std::pair<std::string, Place>> members() const;

    [[nodiscard]] std::string string() const;
    [[nodiscard]] std::int64_t integer(std::int64_t least, std::int64_t most) const;
    [[nodiscard]] bool boolean() const;
    [[nodiscard]] Verbatim verbatim() const;

    /// `expected` names what is allowed here; what came instead is added.
    [[noreturn]] void fail(std::string_view expected) const;
    /// As `fail`, but what came is named by its type only.
    [[noreturn]] void fail_discreetly(std::string_view expected) const;

private:
    const rapidjson::Value* value_;
    std::string path_;
};

[[nodiscard]] inline Place root(const Document& document, std::string path = {})
{
    return {&document, std::move(path)};
}

/// Builds one JSON text.
class Writer {
public:
    Writer& begin_object();
    Writer& end_object();
    Writer& begin_array();
    Writer& end_array();
    Writer& key(std::string_view name);
    Writer& string(std::string_view text); ///< what is not UTF-8 is replaced
    Writer& integer(std::int64_t number);
    Writer& boolean(bool truth);
    Writer& null();
    Writer& verbatim(const Verbatim& value);
    [[nodiscard]] std::string text() const { return buffer_.GetString(); }

private:
    rapidjson::StringBuffer buffer_;
    rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

/// The same JSON with line breaks and indentation, for people.
[[nodiscard]] std::string pretty(std::string_view text);

} // namespace cpi::json
