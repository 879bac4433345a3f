#include "cpi/types.h"

namespace cpi::json {

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
    DiskProperties properties{place.verbatim(), {}};
    for (const auto& [key, at] : place.members())
        properties.unknown_keys.push_back(key);
    return properties;
}

} // namespace cpi::json
