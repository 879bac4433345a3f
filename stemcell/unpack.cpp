#include "stemcell/unpack.h"

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "stemcell/tar_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <memory>
#include <set>
#include <span>
#include <utility>

namespace cpi {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t most_ovf_bytes = mebibyte;
/// What may be in the archive beside the image.
constexpr std::uint64_t most_other_bytes = 64 * mebibyte;
constexpr auto expected_image = "a disk image: qcow2, raw with a partition table, or sparse vmdk"sv;

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
std::string_view forbidden_type(const TarEntry& entry)
{
    if (entry.hard_link)
        return "a hard link";
    switch (entry.type) {
    case S_IFREG:
    case S_IFDIR: return "";
    case S_IFLNK: return "a symbolic link";
    case S_IFCHR:
    case S_IFBLK: return "a device";
    case S_IFIFO: return "a fifo";
    default: return "of an unknown type";
    }
}

class Unpacking : private Pinned {
public:
    Unpacking(const Path& file, Host& host, const Path& target, const UnpackLimits& limits);
    [[nodiscard]] UnpackedImage run();

private:
    void take(const TarEntry& entry);
    void take_file(const TarEntry& entry);
    void take_ovf(const TarEntry& entry);
    void write_image(const TarEntry& entry, std::span<const char> bytes);
    void note(const TarEntry& entry);
    void check_name(const TarEntry& entry) const;
    void check_size(const TarEntry& entry, std::uint64_t bytes) const;
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

void Unpacking::take(const TarEntry& entry)
{
    note(entry);
    const std::string_view forbidden = forbidden_type(entry);
    if (system_folders_.size() >= 2 || (!forbidden.empty() && !system_folders_.empty()))
        throw container();
    if (!forbidden.empty())
        throw refusal(
            concat("holds '", entry.name, "', which is ", forbidden, " (allowed: files and folders)"));
    check_name(entry);
    if (entry.type == S_IFREG)
        take_file(entry);
}

void Unpacking::note(const TarEntry& entry)
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

void Unpacking::check_name(const TarEntry& entry) const
{
    const std::vector<std::string> parts = split(entry.name, '/');
    if (entry.name.starts_with('/') || std::ranges::find(parts, "..") != parts.end())
        throw refusal(concat("holds '", entry.name, "' (allowed: names that stay within the archive)"));
}

void Unpacking::check_size(const TarEntry& entry, std::uint64_t bytes) const
{
    if (bytes > limits_.most_image_bytes)
        throw refusal(concat("holds '", entry.name, "' of ", bytes,
                             " bytes (allowed: ", limits_.most_image_bytes, ")"));
}

void Unpacking::take_file(const TarEntry& entry)
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

void Unpacking::take_ovf(const TarEntry& entry)
{
    if (ovf_)
        throw refusal(concat("holds a second OVF, '", entry.name, "' (allowed: one)"));
    if (entry.size > most_ovf_bytes)
        throw refusal(concat("holds the OVF '", entry.name, "' of ", entry.size,
                             " bytes (allowed: ", most_ovf_bytes, ")"));
    const std::span<const char> bytes = tar_.read(std::span{buffer_}.first(entry.size));
    ovf_ = std::string{bytes.data(), bytes.size()};
}

void Unpacking::write_image(const TarEntry& entry, std::span<const char> bytes)
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
