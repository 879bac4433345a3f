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
    return {Codec<VerbatimObject>::read(place)};
}

} // namespace cpi::json
