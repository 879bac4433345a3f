#pragma once

#include "base/units.h"
#include "host/host.h"
#include "volumes/id_map.h"

#include <optional>

/// File systems in images, without a partition table: what containers mount.
namespace cpi::file_system {

/// An ext4 whose top folder belongs to `owner` (a number, of user and group alike), in a new sparse image.
void make(Host& host, const Path& image, Mebibytes size, std::int64_t owner = 0);

/// Grows the image and the ext4 in it, which nobody has mounted.
void grow(Host& host, const Path& image, Mebibytes size);

/// What is in an image, and for containers with which ids.
struct Source {
    Path image;
    std::optional<IdMap> ids;
};
/// Makes an ext4 of this size in a new image, with the files of another one, for containers with these ids.
void remake(Host& host, const Source& from, const Path& image, Mebibytes size,
            const std::optional<IdMap>& ids);

} // namespace cpi::file_system
