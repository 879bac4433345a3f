#include "stemcell/tar_reader.h"

#include "base/error.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <new>

namespace cpi {

namespace {

using namespace std::string_view_literals;

/// What a file that is no tar seems to be, by its first bytes: ", but …"; empty when nobody knows.
std::string kind_of_file(std::string_view start)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kinds{{
        {"\x1f\x8b"sv, "gzip of something else"sv},
        {"BZh"sv, "bzip2"sv},
        {"\xfd"
         "7zXZ"sv,
         "xz"sv},
        {"\x28\xb5\x2f\xfd"sv, "zstd"sv},
        {"PK\x03\x04"sv, "zip"sv},
        {"QFI\xfb"sv, "a bare qcow2 image"sv},
        {"KDMV"sv, "a bare vmdk image"sv},
    }};
    const auto* const kind =
        std::ranges::find_if(kinds, [start](const auto& row) { return start.starts_with(row.first); });
    return kind == kinds.end() ? "" : concat(", but ", kind->second);
}

} // namespace

void TarReader::FreeReader::operator()(archive* reader) const noexcept
{
    ::archive_read_free(reader);
}

TarReader::TarReader(const Path& file, std::uint64_t most_bytes)
    : bytes_{file, most_bytes}, reader_{archive_read_new()}
{
    if (!reader_ || archive_read_support_format_tar(reader_.get()) != ARCHIVE_OK)
        throw std::bad_alloc{};
    if (archive_read_open(reader_.get(), this, nullptr, feed, nullptr) != ARCHIVE_OK)
        fail();
}

ssize_t TarReader::feed(archive* /*reader*/, void* self, const void** bytes) noexcept
{
    auto& us = *static_cast<TarReader*>(self);
    try {
        const std::span<const char> some = us.bytes_.next();
        *bytes = some.data();
        return static_cast<ssize_t>(some.size());
    } catch (...) {
        us.failure_ = std::current_exception(); // it must not pass through C; `fail` throws it on
        return ARCHIVE_FATAL;
    }
}

void TarReader::fail()
{
    if (failure_)
        std::rethrow_exception(failure_);
    if (archive_format(reader_.get()) == 0)
        throw Error{ErrorKind::cloud,
                    concat(stemcell_image(bytes_.file()), " is not a tar, gzip'ed or plain",
                           kind_of_file(bytes_.start()),
                           ". Try: bosh upload-stemcell with the file as it was downloaded")};
    const char* const why = archive_error_string(reader_.get());
    throw damaged_stemcell(bytes_.file(), why != nullptr ? why : "unknown error");
}

std::optional<TarEntry> TarReader::next_entry()
{
    archive_entry* entry = nullptr;
    const int outcome = archive_read_next_header(reader_.get(), &entry);
    if (outcome == ARCHIVE_EOF)
        return std::nullopt;
    // It warns of names that are no text in the process's locale, and passes them on as they are.
    if (outcome != ARCHIVE_OK && outcome != ARCHIVE_WARN)
        fail();
    const char* const name = archive_entry_pathname(entry);
    if (name == nullptr)
        throw damaged_stemcell(bytes_.file(), "it has an entry without a readable name");
    return TarEntry{printable_utf8(name), archive_entry_filetype(entry),
                    archive_entry_hardlink(entry) != nullptr,
                    static_cast<std::uint64_t>(archive_entry_size(entry))};
}

std::span<const char> TarReader::read(std::span<char> buffer)
{
    const la_ssize_t count = archive_read_data(reader_.get(), buffer.data(), buffer.size());
    if (count < 0)
        fail();
    return buffer.first(static_cast<std::size_t>(count));
}

void TarReader::finish()
{
    while (!bytes_.next().empty()) {
    }
}

} // namespace cpi
