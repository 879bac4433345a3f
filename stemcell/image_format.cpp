#include "stemcell/image_format.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <sstream>
#include <string>

namespace cpi {

namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t sector_bytes = 512;
constexpr std::uint64_t most_virtual_bytes = std::uint64_t{64} << 40U;

[[noreturn]] void refuse(ImageFormat format, std::string_view why)
{
    throw Error{ErrorKind::cloud, concat("the ", name_of(format), " image ", why)};
}

template <std::unsigned_integral Number>
Number big_endian(std::string_view bytes, std::size_t at)
{
    std::uint64_t number = 0;
    for (const char byte : bytes.substr(at, sizeof(Number)))
        number = number << 8U | static_cast<unsigned char>(byte);
    return static_cast<Number>(number);
}

void need_bytes(ImageFormat format, std::string_view start, std::uint64_t bytes)
{
    if (start.size() < bytes)
        refuse(format, concat("ends inside its header: ", start.size(), " bytes of at least ", bytes));
}

void check_virtual_size(ImageFormat format, std::uint64_t bytes)
{
    if (bytes == 0 || bytes > most_virtual_bytes)
        refuse(format, concat("is a disk of ", bytes, " bytes (allowed: 1 to ", most_virtual_bytes, ")"));
}

// The header: "QCOW2 Image Format" in QEMU's docs/interop/qcow2.txt.

void check_qcow2_features(std::string_view start)
{
    constexpr std::uint64_t corrupt = 1U << 1U;
    constexpr std::uint64_t external_data_file = 1U << 2U;
    // Not refused: dirty (QEMU repairs the reference counts), the compression type and extended L2 entries.
    constexpr std::uint64_t harmless = 1U << 0U | 1U << 3U | 1U << 4U;

    const auto features = big_endian<std::uint64_t>(start, 72);
    if ((features & external_data_file) != 0)
        refuse(ImageFormat::qcow2, "keeps its data in another file (a stemcell's image must stand alone)");
    if ((features & corrupt) != 0)
        refuse(ImageFormat::qcow2, "is marked as corrupt");
    if ((features & ~harmless) != 0)
        refuse(ImageFormat::qcow2, concat("needs unknown features: incompatible feature bits ", features,
                                          ", known are ", harmless));
}

void check_stands_alone(std::string_view start)
{
    constexpr std::size_t shown = 200;
    const auto offset = big_endian<std::uint64_t>(start, 8);
    if (offset == 0)
        return;
    const auto length = std::min<std::size_t>(big_endian<std::uint32_t>(start, 16), shown);
    const std::string_view name = offset < start.size() ? start.substr(offset, length) : "";
    refuse(ImageFormat::qcow2,
           concat("has the backing file '", printable_utf8(name), "' (a stemcell's image must stand alone)"));
}

DiskImage qcow2_image(std::string_view start)
{
    constexpr auto format = ImageFormat::qcow2;
    need_bytes(format, start, 72);
    const auto version = big_endian<std::uint32_t>(start, 4);
    if (version != 2 && version != 3)
        refuse(format, concat("has version ", version, " (allowed: 2 and 3)"));
    check_stands_alone(start);
    const auto cluster_bits = big_endian<std::uint32_t>(start, 20);
    if (cluster_bits < 9 || cluster_bits > 21)
        refuse(format, concat("has clusters of 2^", cluster_bits, " bytes (allowed: 2^9 to 2^21)"));
    const auto virtual_size = big_endian<std::uint64_t>(start, 24);
    check_virtual_size(format, virtual_size);
    if (const auto method = big_endian<std::uint32_t>(start, 32); method != 0)
        refuse(format, concat("is encrypted (method ", method, "; allowed: 0, not encrypted)"));
    if (version == 3) {
        need_bytes(format, start, 104);
        check_qcow2_features(start);
    }
    return {format, virtual_size};
}

// The header: "Virtual Disk Format 5.0" by VMware, and QEMU's block/vmdk.c for what is read when.

void check_parent(std::string_view descriptor)
{
    if (descriptor.find("parentfilenamehint") != std::string_view::npos)
        refuse(ImageFormat::vmdk, "has a parent: parentFileNameHint (a stemcell's image must stand alone)");
    constexpr auto key = "parentcid"sv;
    for (auto at = descriptor.find(key); at != std::string_view::npos; at = descriptor.find(key, at + 1)) {
        const auto value_at = descriptor.find_first_not_of("= \t\"", at + key.size());
        const auto value = value_at == std::string_view::npos ? ""sv : descriptor.substr(value_at, 8);
        if (value != "ffffffff")
            refuse(ImageFormat::vmdk, concat("has a parent: parentCID ", printable_utf8(value),
                                             " (a stemcell's image must stand alone: ffffffff)"));
    }
}

/// How many extents there are.
std::size_t check_extents(const std::string& descriptor)
{
    constexpr std::array<std::string_view, 3> accesses{"rw", "rdonly", "noaccess"};
    std::size_t extents = 0;
    for (const std::string& line : split(descriptor, '\n')) {
        std::istringstream words{line};
        std::string access;
        std::string sectors;
        std::string type;
        words >> access >> sectors >> type;
        if (std::ranges::find(accesses, access) == accesses.end())
            continue;
        ++extents;
        if (type != "sparse")
            refuse(ImageFormat::vmdk, concat("takes data from another file: an extent of type ",
                                             printable_utf8(type.substr(0, 40)), " (allowed: SPARSE)"));
    }
    return extents;
}

std::size_t check_descriptor(std::string_view descriptor)
{
    std::string text = lower(descriptor);
    const auto ends_line = [](char c) { return c == '\r' || c == '\0'; };
    std::ranges::replace_if(text, ends_line, '\n');
    check_parent(text);
    return check_extents(text);
}

DiskImage vmdk_image(std::string_view start)
{
    constexpr auto format = ImageFormat::vmdk;
    constexpr std::uint64_t most_sectors = image_header_bytes / sector_bytes;
    need_bytes(format, start, sector_bytes);
    const std::uint64_t capacity = little_endian(start.substr(12, sizeof(std::uint64_t)));
    if (capacity == 0)
        refuse(format, "takes its data from other files: its header says 0 sectors");
    const std::uint64_t virtual_size = capacity > most_virtual_bytes ? capacity : capacity * sector_bytes;
    check_virtual_size(format, virtual_size);

    const std::uint64_t first = little_endian(start.substr(28, sizeof(std::uint64_t)));
    const std::uint64_t sectors = little_endian(start.substr(36, sizeof(std::uint64_t)));
    if (first == 0 || sectors == 0)
        refuse(format, "has no descriptor in it: it is a piece of a disk");
    if (first >= most_sectors || sectors > most_sectors - first)
        refuse(format, concat("has its descriptor at sector ", first, ", ", sectors,
                              " sectors long (allowed: within the first ", most_sectors, ")"));
    need_bytes(format, start, (first + sectors) * sector_bytes);
    const std::size_t extents = check_descriptor(start.substr(first * sector_bytes, sectors * sector_bytes));
    if (extents != 1)
        refuse(format, concat("is a piece of a disk: its descriptor has ", extents, " extents (allowed: 1)"));
    // QEMU looks for a parent in the 20 sectors behind the header, wherever the header says that the
    // descriptor is.
    static_cast<void>(check_descriptor(start.substr(sector_bytes, 20 * sector_bytes)));
    constexpr unsigned char stream_optimized = 0b11; // compressed grains, and markers between them
    const bool is_stream = (static_cast<unsigned char>(start[10]) & stream_optimized) != 0;
    return {format, virtual_size, !is_stream};
}

/// The boot signature alone is not enough: Linux kernels have it too.
bool has_partition_table(std::string_view start)
{
    constexpr std::array<std::size_t, 4> entries{446, 462, 478, 494};
    const auto plausible = [start](std::size_t entry) {
        return start[entry] == '\0' || start[entry] == '\x80';
    };
    return start.size() >= sector_bytes && start.substr(510, 2) == "\x55\xaa"sv &&
           std::ranges::all_of(entries, plausible);
}

} // namespace

std::string_view name_of(ImageFormat format)
{
    switch (format) {
    case ImageFormat::qcow2: return "qcow2";
    case ImageFormat::raw: return "raw";
    case ImageFormat::vmdk: return "vmdk";
    }
    return "unknown";
}

std::optional<DiskImage> recognise_image(std::string_view start)
{
    if (start.starts_with("QFI\xfb"))
        return qcow2_image(start);
    if (start.starts_with("KDMV"))
        return vmdk_image(start);
    if (has_partition_table(start))
        return DiskImage{ImageFormat::raw, std::nullopt};
    return std::nullopt;
}

} // namespace cpi
