#include "stemcell/unpack.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"
#include "host/fd.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstring>
#include <exception>
#include <set>
#include <span>
#include <type_traits>
#include <utility>
#include <zlib.h>

namespace cpi {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t mebibyte = std::size_t{1} << 20U;
constexpr std::size_t most_ovf_bytes = mebibyte;
/// What may be in the archive beside the image.
constexpr std::uint64_t most_other_bytes = 64 * mebibyte;
constexpr auto expected_image = "a disk image: qcow2, raw with a partition table, or sparse vmdk"sv;

std::string stemcell_image(const Path& file)
{
    return concat("the stemcell image ", file.native());
}

Error damaged(const Path& file, std::string_view how)
{
    return {ErrorKind::cloud, concat(stemcell_image(file), " is damaged: ", how)};
}

/// The tar in a file: its bytes as they are, or out of gzip. libarchive could do the latter, but does not
/// look at the checksums; zlib does.
class TarBytes : private Pinned {
public:
    TarBytes(Path file, std::uint64_t most_bytes);
    ~TarBytes() { ::inflateEnd(&inflater_); }

    /// Valid until the next call; empty at the end, when all checksums were right.
    [[nodiscard]] std::span<const char> next();
    [[nodiscard]] const Path& file() const noexcept { return file_; }
    /// The file's own first bytes.
    [[nodiscard]] const std::string& start() const noexcept { return start_; }

private:
    [[nodiscard]] bool refill();
    [[nodiscard]] std::span<const char> inflated();
    void inflate_some();

    Path file_;
    std::uint64_t most_bytes_;
    std::uint64_t bytes_ = 0;
    Fd fd_;
    std::string input_;
    std::string output_;
    std::string start_;
    bool gzip_ = false;
    bool ended_ = false;
    z_stream inflater_{};
};

TarBytes::TarBytes(Path file, std::uint64_t most_bytes)
    : file_{std::move(file)}, most_bytes_{most_bytes}, fd_{::open(file_.c_str(), O_RDONLY | O_CLOEXEC)},
      input_(mebibyte, '\0'), output_(mebibyte, '\0')
{
    constexpr int gzip_with_checksums = 16 + MAX_WBITS;
    if (!fd_)
        throw system_error(concat("opening ", stemcell_image(file_)), errno);
    if (!refill())
        throw Error{ErrorKind::cloud, concat(stemcell_image(file_), " is empty")};
    start_ = std::string{reinterpret_cast<const char*>(inflater_.next_in), std::min(inflater_.avail_in, 8U)};
    gzip_ = start_.starts_with("\x1f\x8b");
    if (::inflateInit2(&inflater_, gzip_with_checksums) != Z_OK)
        throw std::bad_alloc{};
}

/// False at the file's end.
bool TarBytes::refill()
{
    ssize_t count = 0;
    do {
        count = ::read(fd_.get(), input_.data(), input_.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        throw system_error(concat("reading ", stemcell_image(file_)), errno);
    inflater_.next_in = reinterpret_cast<Bytef*>(input_.data());
    inflater_.avail_in = static_cast<uInt>(count);
    return count > 0;
}

std::span<const char> TarBytes::next()
{
    check_interrupt();
    if (gzip_)
        return inflated();
    if (inflater_.avail_in == 0 && !refill())
        return {};
    return {input_.data(), std::exchange(inflater_.avail_in, 0U)};
}

std::span<const char> TarBytes::inflated()
{
    inflater_.next_out = reinterpret_cast<Bytef*>(output_.data());
    inflater_.avail_out = static_cast<uInt>(output_.size());
    while (inflater_.avail_out > 0 && !ended_)
        inflate_some();
    const std::size_t count = output_.size() - inflater_.avail_out;
    bytes_ += count;
    if (bytes_ > most_bytes_)
        throw Error{ErrorKind::cloud, concat(stemcell_image(file_), " unpacks to more than the ", most_bytes_,
                                             " bytes allowed")};
    return {output_.data(), count};
}

void TarBytes::inflate_some()
{
    constexpr Bytef gzip_magic = 0x1f;
    if (inflater_.avail_in == 0 && !refill())
        throw damaged(file_, "it ends in the middle of its gzip stream");
    const int outcome = ::inflate(&inflater_, Z_NO_FLUSH);
    if (outcome == Z_MEM_ERROR)
        throw std::bad_alloc{};
    if (outcome == Z_STREAM_END) {
        // Another gzip stream continues the first; anything else behind it is padding, as it is to gzip
        // itself.
        ended_ = (inflater_.avail_in == 0 && !refill()) || *inflater_.next_in != gzip_magic;
        ::inflateReset(&inflater_);
    } else if (outcome != Z_OK && outcome != Z_BUF_ERROR) {
        throw damaged(file_, concat("gzip: ", inflater_.msg != nullptr ? inflater_.msg : "unknown error"));
    }
}

/// What a file that is no tar seems to be, by its first bytes.
std::string_view kind_of_file(std::string_view start)
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
    return kind == kinds.end() ? "something else"sv : kind->second;
}

struct Entry {
    std::string name;
    unsigned type = 0;
    bool hard_link = false;
    std::uint64_t size = 0;
};

/// While it lives this thread's characters are UTF-8: in another locale libarchive reports names as damage.
class Utf8 : private Pinned {
public:
    Utf8() : locale_{::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)}
    {
        if (locale_)
            before_ = ::uselocale(locale_.get());
    }
    ~Utf8()
    {
        if (locale_)
            ::uselocale(before_);
    }

private:
    std::unique_ptr<std::remove_pointer_t<locale_t>, FreedBy<freelocale>> locale_;
    locale_t before_ = nullptr;
};

/// The entries of a tar, one after the other.
class TarReader : private Pinned {
public:
    TarReader(const Path& file, std::uint64_t most_bytes);

    /// Nothing at the archive's end.
    [[nodiscard]] std::optional<Entry> next_entry();
    /// What comes next of the entry's contents, in `buffer`; nothing at their end.
    [[nodiscard]] std::span<const char> read(std::span<char> buffer);
    /// Reads what the file holds behind the tar, so that its checksums are verified to the last.
    void finish();

private:
    static la_ssize_t feed(archive* reader, void* self, const void** bytes) noexcept;
    [[noreturn]] void fail();

    Utf8 utf8_;
    TarBytes bytes_;
    std::exception_ptr failure_;
    std::unique_ptr<archive, FreedBy<archive_read_free>> reader_{archive_read_new()};
};

TarReader::TarReader(const Path& file, std::uint64_t most_bytes) : bytes_{file, most_bytes}
{
    if (!reader_ || archive_read_support_format_tar(reader_.get()) != ARCHIVE_OK)
        throw std::bad_alloc{};
    if (archive_read_open(reader_.get(), this, nullptr, feed, nullptr) != ARCHIVE_OK)
        fail();
}

la_ssize_t TarReader::feed(archive* /*reader*/, void* self, const void** bytes) noexcept
{
    auto& us = *static_cast<TarReader*>(self);
    try {
        const std::span<const char> some = us.bytes_.next();
        *bytes = some.data();
        return static_cast<la_ssize_t>(some.size());
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
                    concat(stemcell_image(bytes_.file()), " is not a tar, gzip'ed or plain, but ",
                           kind_of_file(bytes_.start()))};
    const char* const why = archive_error_string(reader_.get());
    throw damaged(bytes_.file(), why != nullptr ? why : "unknown error");
}

std::optional<Entry> TarReader::next_entry()
{
    archive_entry* entry = nullptr;
    const int outcome = archive_read_next_header(reader_.get(), &entry);
    if (outcome == ARCHIVE_EOF)
        return std::nullopt;
    if (outcome != ARCHIVE_OK)
        fail();
    const char* const name = archive_entry_pathname(entry);
    if (name == nullptr)
        throw damaged(bytes_.file(), "it has an entry without a readable name");
    return Entry{printable_utf8(name), archive_entry_filetype(entry),
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

/// The file that is being written. Gone with this object, unless it was kept.
class Target : private Pinned {
public:
    Target(Host& host, const Path& path) : host_{host}, path_{path} {}
    ~Target();

    [[nodiscard]] Sink& begin();
    void finish();

private:
    Host& host_;
    const Path& path_;
    std::unique_ptr<Sink> sink_;
};

Target::~Target()
{
    if (!sink_)
        return;
    const ShieldFromInterrupt undisturbed;
    sink_.reset();
    try {
        host_.discard(path_);
    } catch (const std::exception&) {
        // The error that brought us here is the one to report.
    }
}

Sink& Target::begin()
{
    sink_ = host_.create(path_, Access::owner);
    return *sink_;
}

void Target::finish()
{
    sink_->finish();
    sink_.reset();
}

bool all_zero(std::span<const char> bytes)
{
    return bytes.front() == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

void write_with_holes(Sink& sink, std::span<const char> bytes)
{
    constexpr std::size_t grain = std::size_t{64} * 1024;
    const auto grain_at = [&](std::size_t at) {
        return bytes.subspan(at, std::min(grain, bytes.size() - at));
    };
    for (std::size_t begin = 0, end = 0; begin < bytes.size(); begin = end) {
        const bool hole = all_zero(grain_at(begin));
        do {
            end += grain_at(end).size();
        } while (end < bytes.size() && all_zero(grain_at(end)) == hole);
        if (hole)
            sink.skip(end - begin);
        else
            sink.write(bytes.subspan(begin, end - begin));
    }
}

/// What an entry of this type is, when a stemcell's image may not have it; empty otherwise.
std::string_view forbidden_type(const Entry& entry)
{
    if (entry.hard_link)
        return "a hard link";
    switch (entry.type) {
    case AE_IFREG:
    case AE_IFDIR: return "";
    case AE_IFLNK: return "a symbolic link";
    case AE_IFCHR:
    case AE_IFBLK: return "a device";
    case AE_IFIFO: return "a fifo";
    default: return "of an unknown type";
    }
}

class Unpacking : private Pinned {
public:
    Unpacking(const Path& file, Host& host, const Path& target, const UnpackLimits& limits);
    [[nodiscard]] UnpackedImage run();

private:
    void take(const Entry& entry);
    void take_file(const Entry& entry);
    void take_ovf(const Entry& entry);
    void write_image(const Entry& entry, std::span<const char> bytes);
    void note(const Entry& entry);
    void check_name(const Entry& entry) const;
    void check_size(const Entry& entry, std::uint64_t bytes) const;
    [[nodiscard]] Error refusal(std::string_view why) const;
    [[nodiscard]] Error container() const;
    [[nodiscard]] Error no_image() const;

    const Path& file_;
    UnpackLimits limits_;
    std::string doing_;
    TarReader tar_;
    Target target_;
    std::string buffer_;
    std::vector<std::string> names_;       // the first few
    std::set<std::string> system_folders_; // that a root file system has at its top
    std::optional<DiskImage> image_;
    std::string image_name_;
    std::uint64_t image_bytes_ = 0;
    std::optional<std::string> ovf_;
};

std::uint64_t most_unpacked_bytes(const UnpackLimits& limits)
{
    const std::uint64_t sum = limits.most_image_bytes + most_other_bytes;
    return sum < most_other_bytes ? UINT64_MAX : sum;
}

Unpacking::Unpacking(const Path& file, Host& host, const Path& target, const UnpackLimits& limits)
    : file_{file}, limits_{limits}, doing_{concat("unpacking ", stemcell_image(file))},
      tar_{file, most_unpacked_bytes(limits)}, target_{host, target}, buffer_(mebibyte, '\0')
{
}

UnpackedImage Unpacking::run()
{
    while (const auto entry = tar_.next_entry())
        take(*entry);
    if (!image_)
        throw no_image();
    tar_.finish();
    while_doing(doing_, [&] { target_.finish(); });
    return {*image_, image_name_, image_bytes_, ovf_};
}

void Unpacking::take(const Entry& entry)
{
    note(entry);
    const std::string_view forbidden = forbidden_type(entry);
    if (system_folders_.size() >= 2 || (!forbidden.empty() && !system_folders_.empty()))
        throw container();
    if (!forbidden.empty())
        throw refusal(
            concat("holds '", entry.name, "', which is ", forbidden, " (allowed: files and folders)"));
    check_name(entry);
    if (entry.type == AE_IFREG)
        take_file(entry);
}

void Unpacking::note(const Entry& entry)
{
    constexpr std::size_t most_names = 10;
    constexpr std::array<std::string_view, 12> system_folders{"bin",  "boot", "dev",  "etc", "home", "lib",
                                                              "proc", "root", "sbin", "sys", "usr",  "var"};
    if (names_.size() < most_names)
        names_.push_back(concat("'", entry.name, "'"));
    const std::string_view name = entry.name;
    const std::string_view plain = name.starts_with("./") ? name.substr(2) : name;
    const std::string top{plain.substr(0, plain.find('/'))};
    if (std::ranges::find(system_folders, top) != system_folders.end())
        system_folders_.insert(top);
}

void Unpacking::check_name(const Entry& entry) const
{
    const std::vector<std::string> parts = split(entry.name, '/');
    if (entry.name.starts_with('/') || std::ranges::find(parts, "..") != parts.end())
        throw refusal(concat("holds '", entry.name, "' (allowed: names that stay within the archive)"));
}

void Unpacking::check_size(const Entry& entry, std::uint64_t bytes) const
{
    if (bytes > limits_.most_image_bytes)
        throw refusal(concat("holds '", entry.name, "' of ", bytes,
                             " bytes (allowed: ", limits_.most_image_bytes, ")"));
}

void Unpacking::take_file(const Entry& entry)
{
    if (lower(entry.name).ends_with(".ovf"))
        return take_ovf(entry);
    const std::span<const char> bytes = tar_.read(buffer_);
    const std::string_view start{bytes.data(), std::min(bytes.size(), image_header_bytes)};
    const auto image = while_doing(concat(stemcell_image(file_), " cannot be used: '", entry.name, "'"),
                                   [&] { return recognise_image(start); });
    if (!image)
        return;
    if (image_)
        throw refusal(
            concat("holds two disk images, '", image_name_, "' and '", entry.name, "' (allowed: one)"));
    check_size(entry, entry.size);
    image_ = image;
    image_name_ = entry.name;
    write_image(entry, bytes);
}

void Unpacking::take_ovf(const Entry& entry)
{
    if (ovf_)
        throw refusal(concat("holds a second OVF, '", entry.name, "' (allowed: one)"));
    if (entry.size > most_ovf_bytes)
        throw refusal(concat("holds the OVF '", entry.name, "' of ", entry.size,
                             " bytes (allowed: ", most_ovf_bytes, ")"));
    const std::span<const char> bytes = tar_.read(std::span{buffer_}.first(entry.size));
    ovf_ = std::string{bytes.data(), bytes.size()};
}

void Unpacking::write_image(const Entry& entry, std::span<const char> bytes)
{
    Sink& sink = while_doing(doing_, [&]() -> Sink& { return target_.begin(); });
    for (; !bytes.empty(); bytes = tar_.read(buffer_)) {
        image_bytes_ += bytes.size();
        check_size(entry, image_bytes_);
        while_doing(doing_, [&] { write_with_holes(sink, bytes); });
    }
    // libarchive does not always report the hole at the end of a sparse file.
    if (image_bytes_ < entry.size)
        while_doing(doing_, [&] { sink.skip(entry.size - std::exchange(image_bytes_, entry.size)); });
}

Error Unpacking::refusal(std::string_view why) const
{
    return {ErrorKind::cloud, concat(stemcell_image(file_), " ", why)};
}

Error Unpacking::container() const
{
    return refusal(concat("is a root file system, that of a container (warden) stemcell: it begins with ",
                          join(names_, ", "), "; expected is ", expected_image));
}

Error Unpacking::no_image() const
{
    const std::string found = names_.empty() ? "it is empty" : concat("it holds ", join(names_, ", "));
    return refusal(concat("has no disk image in it: ", found, "; expected is ", expected_image));
}

} // namespace

UnpackedImage unpack_image(const Path& archive, Host& host, const Path& target, const UnpackLimits& limits)
{
    return Unpacking{archive, host, target, limits}.run();
}

} // namespace cpi
