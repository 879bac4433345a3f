#include "cpi/disk/convert_disk.h"

#include "base/error.h"
#include "cpi/disk/held_disk.h"
#include "cpi/disk/options.h"
#include "volumes/file_system.h"
#include "volumes/partition.h"

#include <algorithm>

namespace cpi {

namespace {

const Hypervisor& row_of(const HeldDisk& disk)
{
    const auto rows = hypervisors();
    const auto row = std::ranges::find(rows, disk.record.hypervisor, &Hypervisor::name);
    if (row == rows.end())
        throw Error{ErrorKind::cloud, concat("disk '", disk.cid().str(), "' belongs to the hypervisor '",
                                             disk.record.hypervisor, "', which this version does not know")};
    return **row;
}

/// What another hypervisor's VMs have cannot be asked from here: the one that it was last given to may have
/// it.
std::optional<VmCid> possible_holder(Cpi& cpi, const HeldDisk& disk)
{
    if (disk.record.hypervisor == cpi.hypervisor().name)
        return disk.holder();
    const auto name = cpi.host().read(disk.folder() / file_name::attached_to);
    if (!name || name->empty() || !cpi.store().has(VmCid{*name}))
        return std::nullopt;
    return VmCid{*name};
}

/// No VM of any hypervisor may have it.
void require_detached(Cpi& cpi, const HeldDisk& disk)
{
    if (const auto vm = possible_holder(cpi, disk))
        throw Error{ErrorKind::cloud,
                    concat("disk '", disk.cid().str(), "' is attached to VM '", vm->str(),
                           "'. Try: detach it or delete the VM, with the CPI still configured for '",
                           disk.record.hypervisor, "'")};
}

void check(Cpi& cpi, const HeldDisk& disk, const std::string& format)
{
    const auto& formats = cpi.hypervisor().disk_formats;
    if (std::ranges::find(formats, format) == formats.end())
        throw Error{ErrorKind::not_supported,
                    concat("--to: ", cpi.hypervisor().name, " has disks of format ",
                           join(std::vector<std::string>{formats.begin(), formats.end()}, " or "), ", got '",
                           format, "'")};
    if (disk.record.properties.fields.encryption != Encryption::none)
        throw Error{ErrorKind::not_supported,
                    concat("disk '", disk.cid().str(), "' is encrypted, and its key does not move with it")};
    require_detached(cpi, disk);
}

/// Beside the disk's images, and like them nothing to anybody when the call is killed.
Path scratch_of(const HeldDisk& disk)
{
    return disk.folder() / file_name::disk("scratch");
}
Path bare_of(const HeldDisk& disk)
{
    return disk.folder() / file_name::disk("bare");
}

Mebibytes size_of(const HeldDisk& disk)
{
    return {static_cast<std::uint64_t>(disk.record.size_mib)};
}

/// From a VM's disk to a container's file system.
void take_out(Cpi& cpi, const HeldDisk& disk, const image::Image& to)
{
    const auto& ids = cpi.config().idmap;
    const Path bare = ids ? bare_of(disk) : to.file;
    const image::Image scratch{scratch_of(disk), "raw"};
    image::convert(cpi.host(), disk.image(), scratch);
    partition::take_out(cpi.host(), scratch.file, bare);
    if (ids)
        file_system::remake(cpi.host(), {bare, {}}, to.file, size_of(disk), ids);
    else
        grow_image(cpi, to, size_of(disk), Preallocation::off);
}

/// From a container's file system to a VM's disk.
void put_in(Cpi& cpi, const HeldDisk& disk, const image::Image& to)
{
    const auto& ids = disk.record.ids;
    const Path bare = ids ? bare_of(disk) : disk.image_file();
    const image::Image scratch{scratch_of(disk), "raw"};
    if (ids)
        file_system::remake(cpi.host(), {disk.image_file(), ids}, bare, size_of(disk), {});
    partition::put_in(cpi.host(), bare, scratch.file, size_of(disk));
    image::convert(cpi.host(), scratch, to);
}

void fill(Cpi& cpi, const HeldDisk& disk, const image::Image& to)
{
    const bool had_file_system = row_of(disk).disks_hold_file_systems;
    const bool has_file_system = cpi.hypervisor().disks_hold_file_systems;
    if (had_file_system && has_file_system)
        file_system::remake(cpi.host(), {disk.image_file(), disk.record.ids}, to.file, size_of(disk),
                            cpi.config().idmap);
    else if (has_file_system)
        take_out(cpi, disk, to);
    else if (had_file_system)
        put_in(cpi, disk, to);
    else
        image::convert(cpi.host(), disk.image(), to);
    cpi.host().discard(scratch_of(disk));
    cpi.host().discard(bare_of(disk));
}

} // namespace

void convert_disk(Cpi& cpi, const DiskCid& cid, const std::string& format)
{
    HeldDisk disk{cpi, cid, DiskOf::any_hypervisor};
    if (disk.record.hypervisor == cpi.hypervisor().name && disk.record.format == format &&
        disk.record.ids == cpi.config().idmap)
        return;
    check(cpi, disk, format);
    DiskRecord next = disk.record;
    next.format = format;
    next.hypervisor = cpi.hypervisor().name;
    next.ids = cpi.config().idmap;
    // What was asked of the old hypervisor (pools, limits) may mean nothing here.
    next.properties = {};
    disk.replace_image(next, [&](const image::Image& to) { fill(cpi, disk, to); });
}

} // namespace cpi
