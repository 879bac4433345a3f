#pragma once

#include "base/units.h"
#include "host/host.h"

#include <optional>
#include <string>
#include <string_view>

/// Disk images, by qemu-img on the hypervisor's host. Formats are always said, never probed: the content of
/// an image comes from its guest.
namespace cpi::image {

/// A blank image.
void create(Host& host, const Path& file, std::string_view format, Mebibytes size);

/// A qcow2 image that holds only what differs from `base`, a name in its own folder or an absolute path.
/// `size` is the base's when it is not given.
void create_overlay(Host& host, const Path& file, std::string_view base, std::string_view base_format,
                    std::optional<Mebibytes> size);

void convert(Host& host, const Path& from, std::string_view from_format, const Path& to,
             std::string_view to_format);

/// Grows an image that nobody has open.
void resize(Host& host, const Path& file, std::string_view format, Mebibytes size);

/// The size that a guest sees, in bytes.
[[nodiscard]] std::uint64_t virtual_size(Host& host, const Path& file, std::string_view format);

/// Throws when the image is damaged.
void check(Host& host, const Path& file, std::string_view format);

} // namespace cpi::image
