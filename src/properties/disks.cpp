#include "properties/disks.h"

namespace cpi {

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

DiskProperties json::Codec<DiskProperties>::read(const Place& place)
{
    return {Codec<DiskFields>::read(place), Codec<VerbatimObject>::read(place)};
}

} // namespace cpi
