#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cpi {

enum class ImageFormat { qcow2, raw, vmdk };

[[nodiscard]] std::string_view name_of(ImageFormat format);

/// A raw image's virtual size is its file's size, which its first bytes do not tell.
struct DiskImage {
    ImageFormat format;
    std::optional<std::uint64_t> virtual_size;
    bool can_be_written = true; // as it is
};

/// As many first bytes of a file as `recognise_image` needs, fewer only when the file is shorter.
inline constexpr std::size_t image_header_bytes = std::size_t{64} * 1024;

/// What kind of disk image begins with these bytes; nothing: not a disk image. A raw image is known by its
/// partition table. Throws for an image that a hypervisor should not be given: one that takes its data from
/// other files, is encrypted, or has a header that makes no sense.
[[nodiscard]] std::optional<DiskImage> recognise_image(std::string_view start);

} // namespace cpi
