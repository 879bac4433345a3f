#include "cpi/properties/types.h"

namespace cpi {

Error wrong_argument(std::string_view details, ErrorKind kind)
{
    return {kind, concat("Arguments are not correct, details: '", details, "'")};
}

void check_members(const DiskOptions& options, const json::Place& place)
{
    const auto set = [](const RateLimit& limit) { return limit.value != 0; };
    const auto both = [&](const RateLimit& total, const RateLimit& read, const RateLimit& write) {
        return set(total) && (set(read) || set(write));
    };
    if (both(options.iops, options.read_iops, options.write_iops))
        place.at("iops").fail("either iops or read_iops and write_iops, not both");
    if (both(options.bandwidth, options.read_bandwidth, options.write_bandwidth))
        place.at("bandwidth").fail("either bandwidth or read_bandwidth and write_bandwidth, not both");
    if (options.io == Io::native && options.cache && *options.cache != Cache::none &&
        *options.cache != Cache::directsync)
        place.at("cache").fail("none or directsync, which io native needs");
    if (options.format == DiskFormat::raw && options.preallocation == Preallocation::metadata)
        place.at("preallocation").fail("off, falloc or full for format raw");
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

DiskProperties Codec<DiskProperties>::read(const Place& place)
{
    return {Codec<DiskFields>::read(place), Codec<VerbatimObject>::read(place)};
}

} // namespace json

} // namespace cpi
