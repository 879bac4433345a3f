#pragma once

#include "host/host.h"
#include "stemcell/image_format.h"

#include <cstdint>
#include <optional>
#include <string>

namespace cpi {

struct UnpackLimits {
    std::uint64_t most_image_bytes; // of the image file in the archive
};

struct UnpackedImage {
    DiskImage image;
    std::string entry; // its name in the archive
    std::uint64_t bytes;
    std::optional<std::string> ovf;
};

/// Reads `archive` once from front to back (a file on the CPI's own machine: the `image` of a stemcell, a
/// tar, gzip'ed or not) and writes the one disk image in it to `target` on `host`, with holes where it is
/// zero. Every checksum in it is verified. `target` must not exist; nothing is left there when it throws.
[[nodiscard]] UnpackedImage unpack_image(const Path& archive, Host& host, const Path& target,
                                         const UnpackLimits& limits);

} // namespace cpi
