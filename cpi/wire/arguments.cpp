#include "cpi/wire/arguments.h"

namespace cpi {

Error wrong_argument(std::string_view details, ErrorKind kind)
{
    return {kind, concat("Arguments are not correct, details: '", details, "'")};
}

json::VerbatimObject tags_object(const std::map<std::string, TagValue>& tags)
{
    json::Writer out;
    out.begin_object();
    for (const auto& [key, value] : tags)
        out.key(key).string(value.text);
    out.end_object();
    return json::VerbatimObject{out.text()};
}

namespace json {

TagValue Codec<TagValue>::read(const Place& place)
{
    if (place.is_string())
        return {place.string()};
    if (place.is_object() || place.is_array())
        place.fail(expected());
    return {place.verbatim().text};
}

} // namespace json

} // namespace cpi
