#include "cpi/disk/options.h"

#include "base/error.h"
#include "volumes/file_system.h"

#include <algorithm>

namespace cpi {

std::string format_of(const Hypervisor& hypervisor, const DiskOptions& options, std::string_view usual)
{
    if (!options.format)
        return std::string{usual};
    const std::string_view format = word_of(*options.format);
    const auto& formats = hypervisor.disk_formats;
    if (std::ranges::find(formats, format) == formats.end())
        throw Error{ErrorKind::not_supported,
                    concat("'format' ", format, " is not possible on ", hypervisor.name, ", which has ",
                           join(std::vector<std::string>{formats.begin(), formats.end()}, ", "))};
    return std::string{format};
}

void make_image(Cpi& cpi, const image::Image& image, Mebibytes size, Preallocation preallocation)
{
    if (cpi.hypervisor().disks_hold_file_systems)
        file_system::make(cpi.host(), image.file, size, root_id(cpi.config().idmap));
    else
        image::create(cpi.host(), image, size, preallocation);
}

void grow_image(Cpi& cpi, const image::Image& image, Mebibytes size, Preallocation preallocation)
{
    const std::uint64_t now = image::virtual_size(cpi.host(), image);
    if (now > size.bytes())
        throw image::cannot_shrink(image.file.native(), now, size);
    if (cpi.hypervisor().disks_hold_file_systems)
        file_system::grow(cpi.host(), image.file, size);
    else
        image::resize(cpi.host(), image, size, preallocation);
}

Path pool_directory(Cpi& cpi, const DiskOptions& options)
{
    if (options.storage_pool.empty())
        return {};
    const std::string directory = cpi.libvirt().pool_directory(options.storage_pool);
    if (cpi.host().run({{"test", "-w", directory}}).status != 0)
        throw Error{ErrorKind::cloud,
                    concat("the storage pool '", options.storage_pool, "': the CPI's user may not write to ",
                           directory, " on the hypervisor's host. Try: chown USER ", shell_quote(directory),
                           ", with whom the CPI is there")};
    return directory;
}

void warn_unless_pool_autostarts(Cpi& cpi, const DiskOptions& options)
{
    const std::string& pool = options.storage_pool;
    if (!pool.empty() && !cpi.libvirt().pool_autostarts(pool))
        cpi.log().warning(concat("the storage pool '", pool, "' does not start with the host. Try: ",
                                 cpi.libvirt().virsh(concat("pool-autostart ", shell_quote(pool)))));
}

void refresh_pool(Cpi& cpi, const DiskOptions& options)
{
    if (!options.storage_pool.empty())
        cpi.afterwards([&cpi, pool = options.storage_pool] { cpi.libvirt().refresh_pool(pool); });
}

std::string secret_name(const DiskOptions& options, const std::string& object)
{
    return options.encryption == Encryption::none ? std::string{} : concat("libvirt-cpi/", object);
}

std::optional<Secret> key_of(Cpi& cpi, const DiskOptions& options, const std::string& object)
{
    if (options.encryption == Encryption::none)
        return std::nullopt;
    const std::string name = secret_name(options, object);
    auto key = cpi.libvirt().secret(name);
    if (!key)
        throw Error{
            ErrorKind::cloud,
            concat("'", object, "' is encrypted, and libvirt has no secret '", name,
                   "' with its key. Try: restore libvirt's secrets (/etc/libvirt/secrets) from a backup")};
    return key;
}

std::optional<Secret> keep_key(Cpi& cpi, const DiskOptions& options, const Path& folder,
                               const std::string& object, const std::optional<Secret>& key)
{
    if (options.encryption == Encryption::none)
        return std::nullopt;
    constexpr std::size_t length = 52; // 260 bits
    const std::string name = secret_name(options, object);
    Secret kept = key ? *key : Secret{random_name(length)};
    // The name comes first: a secret that no folder names would never be found again.
    cpi.host().publish(folder / file_name::secret, name, Access::owner);
    cpi.libvirt().keep_secret(name, kept);
    return kept;
}

} // namespace cpi
