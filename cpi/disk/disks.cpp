#include "cpi/disk/disks.h"

#include "base/undo.h"
#include "cpi/cpi.h"
#include "cpi/disk/held_disk.h"
#include "cpi/disk/options.h"
#include "cpi/owner.h"
#include "cpi/properties/possible.h"
#include "cpi/vm/held_vm.h"
#include "volumes/image.h"

namespace cpi {

namespace {

Mebibytes mebibytes(const DiskSize& size)
{
    return {static_cast<std::uint64_t>(size.value)};
}

/// A thin disk may promise more than is free now, but not more than the file system could ever hold.
void require_room(Cpi& cpi, const DiskOptions& options, const DiskSize& size)
{
    cpi.store().require();
    cpi.require_store_for_vms();
    const Path pool = pool_directory(cpi, options);
    const Path& place = pool.empty() ? cpi.store().layout().root() : pool;
    const std::uint64_t total = cpi.host().space(place).total;
    if (mebibytes(size).bytes() > total)
        throw Error{ErrorKind::no_disk_space,
                    concat("a disk of ", size.value, " MiB is larger than the whole file system of ",
                           place.native(), " (", total / 1024 / 1024, " MiB)")};
}

/// By the record; what really is there is looked at by who changes it.
void refuse_to_shrink(const HeldDisk& disk, const DiskSize& size)
{
    const Mebibytes recorded{static_cast<std::uint64_t>(disk.record.size_mib)};
    if (mebibytes(size).count < recorded.count)
        throw image::cannot_shrink(concat("disk '", disk.cid().str(), "'"), recorded.bytes(),
                                   mebibytes(size));
}

/// Refuses, before anything is touched, what update_disk cannot do.
void check_update(const HeldDisk& disk, const DiskSize& size, const DiskOptions& wanted)
{
    const auto refuse = [&](std::string_view why) {
        throw Error{ErrorKind::not_supported, concat("disk '", disk.cid().str(), "': ", why)};
    };
    refuse_to_shrink(disk, size);
    if (wanted.encryption != disk.record.properties.fields.encryption)
        refuse("its encryption cannot be changed, a new disk is needed");
    if (const auto vm = disk.holder())
        refuse(concat("it is attached to VM '", vm->str(), "'. Try: detach it first"));
}

/// Whether the image itself has to become another one.
bool needs_another_image(const HeldDisk& disk, const DiskOptions& wanted, const std::string& format)
{
    const DiskOptions& now = disk.record.properties.fields;
    return format != disk.record.format || wanted.preallocation != now.preallocation ||
           wanted.storage_pool != now.storage_pool;
}

} // namespace

DiskCid create_disk(Cpi& cpi, const DiskSize& size, const DiskProperties& properties,
                    const std::optional<VmCid>& /*vm*/)
{
    const DiskOptions& options = properties.fields;
    check_properties(cpi, "cloud properties of the disk", options);
    require_room(cpi, options, size);
    if (cpi.config().autostart)
        warn_unless_pool_autostarts(cpi, options);
    const std::string format = format_of(cpi.hypervisor(), options, cpi.hypervisor().disk_formats.front());
    DiskCid cid = new_disk_cid();
    make_disk(
        cpi, cid,
        {size.value,
         format,
         file_name::disk(format),
         std::string{cpi.hypervisor().name},
         properties,
         {},
         cpi.config().idmap},
        [&](const image::Image& image) { make_image(cpi, image, mebibytes(size), options.preallocation); });
    return cid;
}

bool has_disk(Cpi& cpi, const DiskCid& cid)
{
    require_own(cpi, cid);
    return cpi.store().has(cid);
}

void delete_disk(Cpi& cpi, const DiskCid& cid)
{
    const HeldDisk disk{cpi, cid};
    if (const auto vm = disk.holder())
        throw Error{ErrorKind::cloud, concat("disk '", cid.str(), "' is attached to VM '", vm->str(),
                                             "' and is not deleted. Try: detach it first")};
    // The image of a pool that is not there would stay behind, as nobody's.
    static_cast<void>(pool_directory(cpi, disk.record.properties.fields));
    forget_key(cpi, cid);
    cpi.store().discard(cid);
    refresh_pool(cpi, disk.record.properties.fields);
}

DiskHint attach_disk(Cpi& cpi, const VmCid& vm, const DiskCid& cid)
{
    const HeldVm held{cpi, vm};
    held.require();
    const HeldDisk disk{cpi, cid};
    const auto holder = disk.holder();
    if (holder && *holder != vm)
        throw Error{ErrorKind::cloud, concat("disk '", cid.str(), "' is attached to VM '", holder->str(),
                                             "', it cannot be attached to VM '", vm.str(), "' as well")};
    Undo undo{cpi.log()};
    undo.add(concat("forget that disk ", cid.str(), " was given to VM ", vm.str()), [&] {
        if (!cpi.machines().has_disk(vm, cid))
            cpi.host().discard(disk.folder() / file_name::attached_to);
    });
    // Before the disk is given away, so that a call that is killed in between leaves a name too many, never
    // one too few.
    if (!holder)
        cpi.host().publish(disk.folder() / file_name::attached_to, vm.str(), Access::owner);
    DiskHint hint = cpi.machines().attach(vm, cid, disk.spec());
    undo.keep();
    return hint;
}

void detach_disk(Cpi& cpi, const VmCid& vm, const DiskCid& cid)
{
    const HeldVm held{cpi, vm};
    const HeldDisk disk{cpi, cid};
    Machines& machines = cpi.machines();
    if (!machines.exists(vm) || !machines.detach(vm, cid))
        throw Error{ErrorKind::disk_not_attached,
                    concat("disk '", cid.str(), "' is not attached to VM '", vm.str(), "'")};
    cpi.host().discard(disk.folder() / file_name::attached_to);
}

std::vector<DiskCid> get_disks(Cpi& cpi, const VmCid& vm)
{
    require_own(cpi, vm);
    return cpi.machines().persistent_disks(vm);
}

void resize_disk(Cpi& cpi, const DiskCid& cid, const DiskSize& size)
{
    HeldDisk disk{cpi, cid};
    refuse_to_shrink(disk, size);
    const DiskOptions& options = disk.record.properties.fields;
    require_room(cpi, options, size);
    const auto vm = disk.holder();
    if (!vm || !cpi.machines().resize(*vm, cid, disk.image_file(), mebibytes(size)))
        grow_image(cpi, disk.image(), mebibytes(size), options.preallocation);
    disk.record.size_mib = size.value;
    disk.save();
}

DiskCid update_disk(Cpi& cpi, const DiskCid& cid, const DiskSize& size, const DiskProperties& properties)
{
    HeldDisk disk{cpi, cid};
    const DiskOptions& wanted = properties.fields;
    check_properties(cpi, "cloud properties of the disk", wanted);
    check_update(disk, size, wanted);
    require_room(cpi, wanted, size);
    const DiskProperties before = disk.record.properties;
    DiskRecord next = disk.record;
    next.format = format_of(cpi.hypervisor(), wanted, cpi.hypervisor().disk_formats.front());
    next.size_mib = size.value;
    next.properties = properties;
    const bool grows = size.value > disk.record.size_mib;
    const auto grow = [&](const image::Image& image) {
        if (grows)
            grow_image(cpi, image, mebibytes(size), wanted.preallocation);
    };
    if (needs_another_image(disk, wanted, next.format)) {
        disk.replace_image(next, [&](const image::Image& image) {
            image::convert(cpi.host(), disk.image(), image, wanted.preallocation);
            grow(image);
        });
    } else {
        grow(disk.image());
        disk.record = next;
        disk.save();
    }
    refresh_pool(cpi, before.fields);
    refresh_pool(cpi, wanted);
    return cid;
}

void set_disk_metadata(Cpi& cpi, const DiskCid& cid, const std::map<std::string, TagValue>& metadata)
{
    HeldDisk disk{cpi, cid};
    disk.record.metadata = tags_object(metadata);
    disk.save();
}

} // namespace cpi
