#include "volumes/iso.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <span>

namespace cpi {

namespace {

using namespace std::string_view_literals;

/// libarchive frees a writer that failed without closing it, and then leaks what closing frees.
void close_and_free(archive* writer)
{
    archive_write_close(writer);
    archive_write_free(writer);
}

using ArchivePtr = std::unique_ptr<archive, FreedBy<close_and_free>>;
using EntryPtr = std::unique_ptr<archive_entry, FreedBy<archive_entry_free>>;

void check(archive* writer, int outcome)
{
    if (outcome == ARCHIVE_OK)
        return;
    // libarchive keeps the contents in an unlinked file below TMPDIR until it knows the layout.
    const char* const why = archive_error_string(writer);
    throw Error{ErrorKind::cpi, concat("making an ISO image with a temporary file in $TMPDIR, else in /tmp: ",
                                       why != nullptr ? why : "unknown error")};
}

la_ssize_t append(archive* /*writer*/, void* image, const void* bytes, std::size_t count)
{
    static_cast<std::string*>(image)->append(static_cast<const char*>(bytes), count);
    return static_cast<la_ssize_t>(count);
}

ArchivePtr open_writer(const std::string& label, std::string& image)
{
    ArchivePtr writer{archive_write_new()};
    if (!writer)
        throw std::bad_alloc{};
    const auto set = [&](const char* option, const char* value) {
        check(writer.get(), archive_write_set_format_option(writer.get(), "iso9660", option, value));
    };
    check(writer.get(), archive_write_set_format_iso9660(writer.get()));
    set("volume-id", label.c_str());
    set("rockridge", "strict"); // modes as given; the default opens files to everyone
    set("pad", nullptr);        // 300 KiB for the read-ahead of CD drives
    check(writer.get(), archive_write_set_bytes_per_block(writer.get(), 0));
    check(writer.get(), archive_write_open2(writer.get(), &image, nullptr, append, nullptr, nullptr));
    return writer;
}

EntryPtr entry_of(const std::string& path, unsigned type, int mode)
{
    EntryPtr entry{archive_entry_new()};
    if (!entry)
        throw std::bad_alloc{};
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), static_cast<mode_t>(mode));
    return entry;
}

void add_folders_of(archive* writer, const std::string& path, std::set<std::string>& made)
{
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        const std::string folder = path.substr(0, slash);
        if (made.insert(folder).second)
            check(writer, archive_write_header(writer, entry_of(folder, AE_IFDIR, 0555).get()));
    }
}

void add_file(archive* writer, const IsoFile& file)
{
    const EntryPtr entry = entry_of(file.path, AE_IFREG, 0400);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.contents.size()));
    check(writer, archive_write_header(writer, entry.get()));
    const la_ssize_t count = archive_write_data(writer, file.contents.data(), file.contents.size());
    check(writer, count == static_cast<la_ssize_t>(file.contents.size()) ? ARCHIVE_OK : ARCHIVE_FATAL);
}

std::string written(const std::string& label, const std::vector<IsoFile>& files)
{
    std::string image;
    std::set<std::string> folders;
    const ArchivePtr writer = open_writer(label, image);
    for (const IsoFile& file : files) {
        add_folders_of(writer.get(), file.path, folders);
        add_file(writer.get(), file);
    }
    check(writer.get(), archive_write_close(writer.get()));
    return image;
}

// libarchive's image has the clock, the time zone, the process's user and its own version in it, and the
// label in capitals. What follows writes over these, at the places that ECMA-119 and Rock Ridge give them.

constexpr std::size_t block_bytes = 2048;
constexpr auto record_time = "\x64\x01\x01\x00\x00\x00\x00"sv; // 2000-01-01 00:00:00 UTC
constexpr auto volume_time = "2000010100000000\0"sv;
constexpr auto root_user_and_group = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv;

unsigned byte_at(const std::string& image, std::size_t at)
{
    return static_cast<unsigned char>(image.at(at));
}

std::size_t number_at(const std::string& image, std::size_t at)
{
    return byte_at(image, at) | byte_at(image, at + 1) << 8U | byte_at(image, at + 2) << 16U |
           byte_at(image, at + 3) << 24U;
}

void put(std::string& image, std::size_t at, std::string_view bytes)
{
    image.replace(at, bytes.size(), bytes);
}

/// Rock Ridge's part of a directory record: fields of a two-letter name, a length, a version and contents.
void put_rock_ridge(std::string& image, std::size_t begin, std::size_t end)
{
    for (std::size_t field = begin; field + 4 <= end && byte_at(image, field + 2) != 0;
         field += byte_at(image, field + 2)) {
        if (image.compare(field, 2, "PX") == 0) // mode, links, user, group
            put(image, field + 20, root_user_and_group);
        if (image.compare(field, 2, "TF") != 0) // flags, times
            continue;
        const std::size_t field_end = field + byte_at(image, field + 2);
        for (std::size_t time = field + 5; time + record_time.size() <= field_end; time += record_time.size())
            put(image, time, record_time);
    }
}

void put_directory(std::string& image, std::size_t directory, std::size_t bytes)
{
    constexpr unsigned is_directory = 2;
    for (std::size_t at = directory, length = 0; at < directory + bytes; at += length) {
        length = byte_at(image, at);
        if (length == 0) { // no record crosses the border of a block
            length = block_bytes - at % block_bytes;
            continue;
        }
        const std::size_t name_bytes = byte_at(image, at + 32);
        const bool self_or_parent = name_bytes == 1 && byte_at(image, at + 33) <= 1;
        put(image, at + 18, record_time);
        put_rock_ridge(image, at + 33 + name_bytes + (name_bytes % 2 == 0 ? 1 : 0), at + length);
        if ((byte_at(image, at + 25) & is_directory) != 0 && !self_or_parent)
            put_directory(image, number_at(image, at + 2) * block_bytes, number_at(image, at + 10));
    }
}

void put_volume(std::string& image, std::size_t descriptor, std::string_view label)
{
    constexpr unsigned primary = 1;
    constexpr std::size_t root = 156;
    if (byte_at(image, descriptor) == primary)
        put(image, descriptor + 40, label); // spaces follow already; the other descriptor keeps case
    for (const std::size_t time : {813U, 830U, 864U}) // made, changed, effective
        put(image, descriptor + time, volume_time);
    put(image, descriptor + root + 18, record_time);
    put_directory(image, number_at(image, descriptor + root + 2) * block_bytes,
                  number_at(image, descriptor + root + 10));
}

void check_label(std::string_view label)
{
    const auto plain = [](char c) { return c > ' ' && c < '\x7f'; };
    if (label.empty() || label.size() > 16 || !std::ranges::all_of(label, plain))
        throw Error{ErrorKind::cpi, concat("not a volume label: '", printable_utf8(label),
                                           "' (allowed: 1 to 16 printable ASCII characters)")};
}

} // namespace

std::string iso_image(std::string_view label, const std::vector<IsoFile>& files)
{
    constexpr std::size_t first_descriptor = 16 * block_bytes;
    constexpr unsigned terminator = 255;
    check_label(label);
    std::string image = written(std::string{label}, files);
    std::size_t descriptor = first_descriptor;
    for (; byte_at(image, descriptor) != terminator; descriptor += block_bytes)
        put_volume(image, descriptor, label);
    // The block behind the terminator is libarchive's note of its version, its options and the time.
    put(image, descriptor + block_bytes, std::string(block_bytes, '\0'));
    return image;
}

} // namespace cpi
