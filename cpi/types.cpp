#include "cpi/types.h"

namespace cpi {

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

DiskProperties Codec<DiskProperties>::read(const Place& place)
{
    return {Codec<VerbatimObject>::read(place)};
}

} // namespace json

} // namespace cpi
