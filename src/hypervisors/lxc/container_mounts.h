#pragma once

#include "base/ids.h"
#include "host/host.h"
#include "volumes/id_map.h"

#include <optional>

/// What is mounted on the host for a container to have: its ephemeral disk and its persistent disks. libvirt
/// binds these folders into the container when it starts. They are in a file system of memory: when the host
/// was restarted they are not there, and no container starts with an empty folder in the place of a disk.
namespace cpi::container_mounts {

/// A folder for each persistent disk, in which the container mounts it.
[[nodiscard]] Path places_of(const VmCid& vm);
[[nodiscard]] Path ephemeral_of(const VmCid& vm);
[[nodiscard]] Path disk_of(const VmCid& vm, const DiskCid& disk);

/// Makes the folders, for a container with these ids. Existing ones are fine.
void make(Host& host, const VmCid& vm, const std::optional<IdMap>& ids);
/// Mounts the file system in an image, unless something is mounted there.
void mount_ephemeral(Host& host, const VmCid& vm, const Path& image);
/// The same; an image that is mounted elsewhere is refused.
void mount_disk(Host& host, const VmCid& vm, const DiskCid& disk, const Path& image);
/// Returns when nobody has it mounted any more. One that is not mounted is fine.
void unmount_disk(Host& host, const VmCid& vm, const DiskCid& disk);
/// Unmounts and removes all of it. None is fine.
void release(Host& host, const VmCid& vm);

/// Throws when somebody has the image mounted: a second mount would destroy it.
void require_unused(Host& host, const DiskCid& disk, const Path& image);

} // namespace cpi::container_mounts
