#include "cpi/convert_disk.h"

#include "base/error.h"
#include "cpi/disk_options.h"
#include "cpi/held_disk.h"
#include "storage/partition.h"

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

/// No VM of any hypervisor may have it. What another hypervisor's VMs have cannot be asked from here.
void require_detached(Cpi& cpi, const HeldDisk& disk)
{
    const auto vm = cpi.host().read(disk.folder() / file_name::attached_to);
    if (vm && !vm->empty() && cpi.store().has(VmCid{*vm}))
        throw Error{ErrorKind::cloud,
                    concat("disk '", disk.cid().str(), "' is attached to VM '", *vm,
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

void fill(Cpi& cpi, const HeldDisk& disk, const image::Image& to)
{
    const bool had_file_system = row_of(disk).disks_hold_file_systems;
    const bool has_file_system = cpi.hypervisor().disks_hold_file_systems;
    if (had_file_system == has_file_system) {
        image::convert(cpi.host(), disk.image(), to);
        return;
    }
    const Mebibytes size{static_cast<std::uint64_t>(disk.record.size_mib)};
    const image::Image scratch{scratch_of(disk), "raw"};
    if (has_file_system) {
        image::convert(cpi.host(), disk.image(), scratch);
        partition::take_out(cpi.host(), scratch.file, to.file);
        grow_image(cpi, to, size, Preallocation::off);
    } else {
        partition::put_in(cpi.host(), disk.image_file(), scratch.file, size);
        image::convert(cpi.host(), scratch, to);
    }
    cpi.host().discard(scratch.file);
}

} // namespace

void convert_disk(Cpi& cpi, const DiskCid& cid, const std::string& format)
{
    HeldDisk disk{cpi, cid, DiskOf::any_hypervisor};
    if (disk.record.hypervisor == cpi.hypervisor().name && disk.record.format == format)
        return;
    check(cpi, disk, format);
    DiskRecord next = disk.record;
    next.format = format;
    next.hypervisor = cpi.hypervisor().name;
    // What was asked of the old hypervisor (pools, limits) may mean nothing here.
    next.properties = {};
    disk.replace_image(next, [&](const image::Image& to) { fill(cpi, disk, to); });
}

} // namespace cpi
