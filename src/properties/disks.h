#pragma once

#include "base/units.h"
#include "json/write.h"
#include "properties/property.h"
#include "volumes/image.h"

#include <optional>
#include <string>
#include <vector>

/// What can be asked of a disk: of a persistent one in disk_types, of a VM's own in vm_types.
namespace cpi {

enum class DiskFormat { qcow2, raw, vdi };
enum class Encryption { none, luks };

[[nodiscard]] constexpr std::string_view word_of(DiskFormat format) noexcept
{
    switch (format) {
    case DiskFormat::qcow2: return "qcow2";
    case DiskFormat::raw: return "raw";
    case DiskFormat::vdi: break;
    }
    return "vdi";
}

/// How the hypervisor treats what a guest writes, as QEMU calls it.
enum class Cache { none, writeback, writethrough, directsync, unsafe };
enum class Io { threads, native, io_uring };
/// What becomes of room that the guest no longer needs.
enum class Discard { unmap, ignore };

/// What can be chosen anew whenever a disk is attached. Bandwidth is in KiB.
struct DiskTuning {
    std::optional<Cache> cache = {};
    std::optional<Io> io = {};
    Discard discard = Discard::unmap;
    RateLimit iops = {};
    RateLimit read_iops = {};
    RateLimit write_iops = {};
    RateLimit bandwidth = {};
    RateLimit read_bandwidth = {};
    RateLimit write_bandwidth = {};
};

struct DiskOptions : DiskTuning {
    std::optional<DiskFormat> format;
    Preallocation preallocation = Preallocation::off;
    Encryption encryption = Encryption::none;
    std::string storage_pool;
    std::vector<std::string> given_keys;
    std::vector<std::string> unknown_keys;
};

/// Fails for options that contradict each other.
void check_members(const DiskOptions& options, const json::Place& place);

/// Of disk_types.
struct DiskFields : DiskOptions {
    std::string name; // of a dynamic disk
};

/// A disk's properties: what we read of them, and all of them as they came, to be kept with the disk.
struct DiskProperties {
    DiskFields fields;
    json::VerbatimObject verbatim;
};

namespace json {

template <>
inline constexpr std::array names<DiskFormat>{
    NamedValue<DiskFormat>{word_of(DiskFormat::qcow2), DiskFormat::qcow2},
    NamedValue<DiskFormat>{word_of(DiskFormat::raw), DiskFormat::raw},
    NamedValue<DiskFormat>{word_of(DiskFormat::vdi), DiskFormat::vdi},
};

template <>
inline constexpr std::array names<Encryption>{
    NamedValue<Encryption>{"none", Encryption::none},
    NamedValue<Encryption>{"luks", Encryption::luks},
};

template <>
inline constexpr std::array names<Preallocation>{
    NamedValue<Preallocation>{word_of(Preallocation::off), Preallocation::off},
    NamedValue<Preallocation>{word_of(Preallocation::metadata), Preallocation::metadata},
    NamedValue<Preallocation>{word_of(Preallocation::falloc), Preallocation::falloc},
    NamedValue<Preallocation>{word_of(Preallocation::full), Preallocation::full},
};

template <>
inline constexpr std::array names<Cache>{
    NamedValue<Cache>{"none", Cache::none},
    NamedValue<Cache>{"writeback", Cache::writeback},
    NamedValue<Cache>{"writethrough", Cache::writethrough},
    NamedValue<Cache>{"directsync", Cache::directsync},
    NamedValue<Cache>{"unsafe", Cache::unsafe},
};

template <>
inline constexpr std::array names<Io>{
    NamedValue<Io>{"threads", Io::threads},
    NamedValue<Io>{"native", Io::native},
    NamedValue<Io>{"io_uring", Io::io_uring},
};

template <>
inline constexpr std::array names<Discard>{
    NamedValue<Discard>{"unmap", Discard::unmap},
    NamedValue<Discard>{"ignore", Discard::ignore},
};

template <>
struct Codec<DiskProperties> {
    static DiskProperties read(const Place& place);
    static std::string expected() { return "an object"; }
};

inline void write_value(Writer& out, const DiskProperties& properties)
{
    out.verbatim(properties.verbatim);
}

} // namespace json

namespace disk_property {

inline constexpr auto name = property("name", &DiskFields::name, "for people", {.family = Family::image});
inline constexpr auto format =
    property("format", &DiskOptions::format, "of the image",
             {.family = Family::image,
              .usual = "qcow2, raw for ephemeral disks; on VirtualBox vdi, on VMware vmdk",
              .example = R"("qcow2")"});
inline constexpr auto preallocation =
    property("preallocation", &DiskOptions::preallocation,
             "how much of the image is set aside at once (metadata: of qcow2 only). With another value than "
             "off a root disk is a full copy of the stemcell's",
             {.family = Family::image, .unheeded = Unheeded::ignored, .example = R"("full")"});
inline constexpr auto encryption = property(
    "encryption", &DiskOptions::encryption,
    "luks: each disk has a key of its own, kept by libvirt as a secret (in /etc/libvirt/secrets, not "
    "in the store) and removed with the disk",
    {.family = Family::image, .example = R"("luks")"});
inline constexpr auto storage_pool =
    property("storage_pool", &DiskOptions::storage_pool,
             "a libvirt storage pool of type dir, fs or netfs that holds the image",
             {.family = Family::image, .usual = "store_dir", .example = R"("fast")"});
inline constexpr auto cache = property(
    "cache", &DiskOptions::cache,
    "how writes go through the host's page cache; unsafe loses data when "
    "the host fails",
    {.family = Family::tuning, .unheeded = Unheeded::ignored, .usual = "QEMU's", .example = R"("none")"});
inline constexpr auto io = property(
    "io", &DiskOptions::io, "how QEMU reads and writes; native needs cache none or directsync",
    {.family = Family::tuning, .unheeded = Unheeded::ignored, .usual = "QEMU's", .example = R"("threads")"});
inline constexpr auto discard =
    property("discard", &DiskOptions::discard, "unmap: room that the guest trims is given back",
             {.family = Family::tuning, .unheeded = Unheeded::ignored, .example = R"("ignore")"});
inline constexpr auto iops =
    property("iops", &DiskOptions::iops, "operations a second, reads and writes together",
             {.family = Family::limit, .usual = "no limit", .example = "7"});
inline constexpr auto read_iops = property("read_iops", &DiskOptions::read_iops, "reads a second",
                                           {.family = Family::limit, .usual = "no limit", .example = "7"});
inline constexpr auto write_iops = property("write_iops", &DiskOptions::write_iops, "writes a second",
                                            {.family = Family::limit, .usual = "no limit", .example = "7"});
inline constexpr auto bandwidth =
    property("bandwidth", &DiskOptions::bandwidth, "KiB a second, read and written together",
             {.family = Family::limit, .usual = "no limit", .example = "7"});
inline constexpr auto read_bandwidth =
    property("read_bandwidth", &DiskOptions::read_bandwidth, "KiB read a second",
             {.family = Family::limit, .usual = "no limit", .example = "7"});
inline constexpr auto write_bandwidth =
    property("write_bandwidth", &DiskOptions::write_bandwidth, "KiB written a second",
             {.family = Family::limit, .usual = "no limit", .example = "7"});

} // namespace disk_property

template <>
inline constexpr std::tuple json::fields<DiskOptions>{
    disk_property::format,         disk_property::preallocation, disk_property::encryption,
    disk_property::storage_pool,   disk_property::cache,         disk_property::io,
    disk_property::discard,        disk_property::iops,          disk_property::read_iops,
    disk_property::write_iops,     disk_property::bandwidth,     disk_property::read_bandwidth,
    disk_property::write_bandwidth};

template <>
inline constexpr auto json::fields<DiskFields> = std::tuple_cat(std::tuple{disk_property::name},
                                                                json::fields<DiskOptions>);

} // namespace cpi
