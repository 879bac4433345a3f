#pragma once

#include "base/secret.h"
#include "base/units.h"
#include "host/host.h"

#include <optional>
#include <string>
#include <string_view>

namespace cpi {

/// How much of a new image is set aside at once.
enum class Preallocation { off, metadata, falloc, full };

[[nodiscard]] constexpr std::string_view word_of(Preallocation preallocation) noexcept
{
    switch (preallocation) {
    case Preallocation::off: return "off";
    case Preallocation::metadata: return "metadata";
    case Preallocation::falloc: return "falloc";
    case Preallocation::full: break;
    }
    return "full";
}

} // namespace cpi

/// Disk images, by qemu-img on the hypervisor's host. Formats are always said, never probed: the content of
/// an image comes from its guest.
namespace cpi::image {

/// Where an image is and how it is read. With a key it is encrypted by LUKS.
struct Image {
    Path file;
    std::string format;
    std::optional<Secret> key = std::nullopt;
};

/// A blank image.
void create(Host& host, const Image& image, Mebibytes size, Preallocation preallocation = Preallocation::off);

/// A qcow2 image that holds only what differs from `base`, a name in its own folder or an absolute path that
/// need not be there yet. `size` is in bytes, not less than the base's.
void create_overlay(Host& host, const Image& image, std::string_view base, std::string_view base_format,
                    std::uint64_t size);

/// A new image with the contents of another.
void convert(Host& host, const Image& from, const Image& to,
             Preallocation preallocation = Preallocation::off);

/// A copy that nobody has open, under a name that may be another. Where the file system can, they share their
/// blocks.
void copy(Host& host, const Image& from, const Path& to);

/// Grows an image that nobody has open.
void resize(Host& host, const Image& image, Mebibytes size, Preallocation preallocation = Preallocation::off);

/// The size that a guest sees, in bytes. It takes no key, and the image may be in use.
[[nodiscard]] std::uint64_t virtual_size(Host& host, const Image& image);

/// That a disk which has so many bytes is to have fewer. What was written down of its size may be less than
/// it has, when a call that made it larger was killed.
[[nodiscard]] Error cannot_shrink(std::string_view disk, std::uint64_t bytes, Mebibytes wanted);

/// Throws when the image, which has no key, is damaged.
void check(Host& host, const Image& image);

} // namespace cpi::image
