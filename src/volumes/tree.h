#pragma once

#include "host/host.h"
#include "volumes/id_map.h"

#include <optional>

/// Root file systems as folders: what containers run in.
namespace cpi::tree {

/// How a container's root file system comes out of the one that it is made from.
enum class Layering {
    overlay, // holds only what differs; has to be mounted
    copy,    // whole; shares blocks where the file system of the store can
};

[[nodiscard]] constexpr std::string_view word_of(Layering layering) noexcept
{
    return layering == Layering::overlay ? "overlay" : "copy";
}

/// Unpacks the tar (gzip'ed or not) of a root file system into a folder, for containers with these ids:
/// owners by number, links, capabilities and all, but not the devices in /dev, of which a container has its
/// own.
void unpack(Host& host, const Path& archive, const Path& folder, const std::optional<IdMap>& ids);

/// Makes `folder/rootfs` out of the tree at `base`, which must stay as it is and was unpacked for these ids.
/// It is ready to be used when this returns.
void layer(Host& host, const Path& base, const Path& folder, Layering layering,
           const std::optional<IdMap>& ids);

/// Gives a file to the root of containers with these ids.
void give_to_root(Host& host, const Path& file, const std::optional<IdMap>& ids);

/// Where the container's root file system is to be seen.
[[nodiscard]] Path root_of(const Path& folder);

/// Makes `folder/rootfs` be there again after the host was restarted.
void make_ready(Host& host, const Path& folder);

/// The folder `path` within the root file system, with all that leads to it. Symbolic links are not followed:
/// they could lead out of it.
Path make_folder_within(Host& host, const Path& root, const Path& path);

} // namespace cpi::tree
