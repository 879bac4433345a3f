#pragma once

#include "base/units.h"
#include "host/host.h"

#include <string>

/// File systems in images, without a partition table: what containers mount.
namespace cpi::file_system {

/// An ext4 whose top folder belongs to `owner` (a number, of user and group alike), in a new sparse image.
void make(Host& host, const Path& image, Mebibytes size, std::int64_t owner = 0);

/// Grows the image and the ext4 in it, which nobody has mounted.
void grow(Host& host, const Path& image, Mebibytes size);

} // namespace cpi::file_system
