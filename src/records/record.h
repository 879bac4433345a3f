#pragma once

#include "base/error.h"
#include "json/write.h"

#include <limits>
#include <string>
#include <string_view>

/// What is kept of an object, as JSON: one table of fields reads and writes it.
namespace cpi {

/// A record says how it is written, in its member `record`; one that does not is older than that and is
/// written as version 1 is.
inline constexpr std::int64_t record_version = 1;

template <json::Declared T>
std::string record_text(const T& record)
{
    json::Writer out;
    out.begin_object().key("record").integer(record_version);
    json::write_fields(out, record);
    out.end_object();
    return json::pretty(out.text());
}

/// `what` says what it is, in errors. A record that is written as this CPI does not know is an error.
template <json::Declared T>
T read_record(std::string_view text, const std::string& what)
{
    const json::Document document = json::parse(text, what);
    const json::Place place = json::root(document);
    const json::Place version = place.at("record");
    if (!version.is_null() && version.integer(1, std::numeric_limits<std::int64_t>::max()) > record_version)
        throw Error{ErrorKind::cloud,
                    concat(what, " was written by a newer version of this CPI. Try: that version")};
    std::vector<std::string> known = json::keys<T>();
    known.emplace_back("record");
    return json::read_members<T>(place, known);
}

} // namespace cpi
