#pragma once

#include "host/host.h"

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

/// Unpacks the tar (compressed or not) of a root file system into a folder: owners by number, links, devices
/// and all.
void unpack(Host& host, const Path& archive, const Path& folder);

/// Makes `folder/rootfs` out of the tree at `base`, which must stay as it is. It is ready to be used when
/// this returns.
void layer(Host& host, const Path& base, const Path& folder, Layering layering);

/// Where the container's root file system is to be seen.
[[nodiscard]] Path root_of(const Path& folder);

/// Makes `folder/rootfs` be there again after the host was restarted.
void make_ready(Host& host, const Path& folder);

/// The folder `path` within the root file system, with all that leads to it. Symbolic links are not followed:
/// they could lead out of it.
Path make_folder_within(Host& host, const Path& root, const Path& path);

} // namespace cpi::tree
