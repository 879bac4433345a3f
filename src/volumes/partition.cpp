#include "volumes/partition.h"

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "json/json.h"

namespace cpi::partition {

namespace {

constexpr std::chrono::hours patience{1};
constexpr std::int64_t most_sectors = std::int64_t{1} << 50U;

} // namespace

void take_out(Host& host, const Path& disk, const Path& file_system)
{
    const std::string text = run_ok(host, {{"sfdisk", "--json", disk.native()}});
    const json::Document document = json::parse(text, concat("what sfdisk says of ", disk.native()));
    const json::Place table = json::root(document).at("partitiontable");
    const auto partitions = table.at("partitions").items();
    if (partitions.size() != 1)
        throw Error{ErrorKind::not_supported,
                    concat("the disk has ", partitions.size(),
                           " partitions, and only one with a single partition can be moved to a container")};
    const std::int64_t sector =
        table.at("sectorsize").is_null() ? 512 : table.at("sectorsize").integer(512, 4096);
    const std::int64_t start = partitions.front().at("start").integer(0, most_sectors) * sector;
    const std::int64_t size = partitions.front().at("size").integer(1, most_sectors) * sector;
    run_ok(host, {{"dd", concat("if=", disk.native()), concat("of=", file_system.native()), "bs=1M",
                   "iflag=skip_bytes,count_bytes", concat("skip=", start), concat("count=", size),
                   "conv=sparse,fsync", "status=none"},
                  patience});
    // Holes at the end are not written.
    run_ok(host, {{"truncate", "-s", std::to_string(size), file_system.native()}});
}

void put_in(Host& host, const Path& file_system, const Path& disk, Mebibytes size)
{
    // As agents' tools do it: the table and its copy take a MiB each, at the start and at the end.
    host.create_blank(disk, size.bytes() + 2 * mebibyte);
    Command table{{"sfdisk", "--quiet", disk.native()}};
    table.input = Secret{concat("label: gpt\nstart=1MiB, size=", size.count, "MiB, type=linux\n")};
    run_ok(host, table);
    run_ok(host, {{"dd", concat("if=", file_system.native()), concat("of=", disk.native()), "bs=1M", "seek=1",
                   "conv=notrunc,sparse,fsync", "status=none"},
                  patience});
}

} // namespace cpi::partition
