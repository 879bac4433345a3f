#pragma once

#include "cpi/cpi.h"
#include "cpi/wire/arguments.h"
#include "host/host.h"

#include <optional>
#include <string>

namespace cpi {

/// What the options of disks mean on the hypervisor's host. `object` is the cid of the VM, disk or snapshot
/// whose images they are of.

/// The format that is asked for, or `usual`. One that the hypervisor has no use for is not_supported.
[[nodiscard]] std::string format_of(const Hypervisor& hypervisor, const DiskOptions& options,
                                    std::string_view usual);

/// A blank image, or one with a file system where the hypervisor's guests expect that.
void make_image(Cpi& cpi, const image::Image& image, Mebibytes size, Preallocation preallocation);
/// Grows an image that nobody has open, with the file system in it if it is one.
void grow_image(Cpi& cpi, const image::Image& image, Mebibytes size, Preallocation preallocation);

/// The directory of the storage pool that is asked for; empty for none.
[[nodiscard]] Path pool_directory(Cpi& cpi, const DiskOptions& options);
/// A pool that is not there when VMs start with the host keeps those with a disk in it from it.
void warn_unless_pool_autostarts(Cpi& cpi, const DiskOptions& options);
/// Lets the pool's other users see what was made or removed there, afterwards.
void refresh_pool(Cpi& cpi, const DiskOptions& options);

/// The key of encrypted images is a secret of libvirt, one for each object. Its usage name; empty where
/// nothing is encrypted.
[[nodiscard]] std::string secret_name(const DiskOptions& options, const std::string& object);
/// Nothing where nothing is encrypted. A key that is gone is an error.
[[nodiscard]] std::optional<Secret> key_of(Cpi& cpi, const DiskOptions& options, const std::string& object);
/// Keeps a new key, or the one that is given, for an object in the making. Its folder remembers that.
std::optional<Secret> keep_key(Cpi& cpi, const DiskOptions& options, const Path& folder,
                               const std::string& object, const std::optional<Secret>& key = std::nullopt);
/// Forgets the key of an object, if it has one. Its folder must still be there, finished or not.
template <class Tag>
void forget_key(Cpi& cpi, const Id<Tag>& object)
{
    if (const auto name = cpi.store().read(object, file_name::secret))
        cpi.libvirt().forget_secret(*name);
}

} // namespace cpi
