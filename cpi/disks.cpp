#include "cpi/disks.h"

#include "cpi/cpi.h"
#include "cpi/held_disk.h"
#include "storage/image.h"

namespace cpi {

namespace {

/// A disk is found by its cid in the guest: virtio and scsi serial numbers are cut after 20 characters, and
/// stemcells look by cid only when it has no fewer.
DiskCid new_disk_cid()
{
    constexpr std::size_t serial_length = 20;
    return new_cid<DiskCid>(serial_length - DiskCid::prefix.size());
}

Mebibytes mebibytes(const DiskSize& size)
{
    return {static_cast<std::uint64_t>(size.value)};
}

/// A thin disk may promise more than is free now, but not more than the file system could ever hold.
void require_room(Cpi& cpi, const DiskSize& size)
{
    cpi.store().require();
    const std::uint64_t total = cpi.host().space(cpi.store().layout().root()).total;
    if (mebibytes(size).bytes() > total)
        throw Error{ErrorKind::no_disk_space,
                    concat("a disk of ", size.value, " MiB is larger than the whole file system of ",
                           cpi.store().layout().root().native(), " (", total / 1024 / 1024, " MiB)")};
}

} // namespace

DiskCid create_disk(Cpi& cpi, const DiskSize& size, const DiskProperties& properties,
                    const std::optional<VmCid>& /*vm*/)
{
    Store& store = cpi.store();
    require_room(cpi, size);
    const std::string format{cpi.machinery().disk_format};
    DiskCid cid = new_disk_cid();
    store.sweep(store.layout().disks(), DiskTag::prefix, [](const std::string&) {});
    Creation creation{store, store.layout().disks(), cid.str()};
    image::create(store.host(), creation.staging() / file_name::disk(format), format, mebibytes(size));
    store.host().publish(creation.staging() / file_name::disk_record,
                         text_of({size.value, format, properties.verbatim, {}}), Access::owner);
    creation.publish();
    creation.finish();
    return cid;
}

bool has_disk(Cpi& cpi, const DiskCid& cid)
{
    return cpi.store().has(cid);
}

void delete_disk(Cpi& cpi, const DiskCid& cid)
{
    const HeldDisk disk{cpi, cid};
    if (const auto vm = disk.holder())
        throw Error{ErrorKind::cloud, concat("disk '", cid.str(), "' is attached to VM '", vm->str(),
                                             "' and is not deleted. Try: detach it first")};
    cpi.host().discard(disk.folder());
}

DiskHint attach_disk(Cpi& cpi, const VmCid& vm, const DiskCid& cid)
{
    const auto vm_lock = cpi.store().lock(vm);
    Machines machines = cpi.machines();
    if (!machines.exists(vm))
        throw Error{ErrorKind::vm_not_found, concat("VM '", vm.str(), "' not found")};
    const HeldDisk disk{cpi, cid};
    const auto holder = disk.holder();
    if (holder && *holder != vm)
        throw Error{ErrorKind::cloud, concat("disk '", cid.str(), "' is attached to VM '", holder->str(),
                                             "', it cannot be attached to VM '", vm.str(), "' as well")};
    // Before the disk is given away, so that a call that is killed in between leaves a name too many, never
    // one too few.
    if (!holder)
        cpi.host().publish(disk.folder() / file_name::attached_to, vm.str(), Access::owner);
    return {machines.attach(vm, cid, disk.image()), cid.str().substr(DiskTag::prefix.size())};
}

void detach_disk(Cpi& cpi, const VmCid& vm, const DiskCid& cid)
{
    const auto vm_lock = cpi.store().lock(vm);
    const HeldDisk disk{cpi, cid};
    Machines machines = cpi.machines();
    if (!machines.exists(vm) || !machines.detach(vm, cid))
        throw Error{ErrorKind::disk_not_attached,
                    concat("disk '", cid.str(), "' is not attached to VM '", vm.str(), "'")};
}

std::vector<DiskCid> get_disks(Cpi& cpi, const VmCid& vm)
{
    return cpi.machines().persistent_disks(vm);
}

void resize_disk(Cpi& cpi, const DiskCid& cid, const DiskSize& size)
{
    HeldDisk disk{cpi, cid};
    if (size.value < disk.record.size_mib)
        throw Error{ErrorKind::not_supported, concat("disk '", cid.str(), "' has ", disk.record.size_mib,
                                                     " MiB and cannot shrink to ", size.value)};
    require_room(cpi, size);
    const auto vm = disk.holder();
    if (!vm || !cpi.machines().resize(*vm, cid, disk.image(), mebibytes(size)))
        image::resize(cpi.host(), disk.image(), disk.record.format, mebibytes(size));
    disk.record.size_mib = size.value;
    disk.save();
}

void set_disk_metadata(Cpi& cpi, const DiskCid& cid, const std::map<std::string, TagValue>& metadata)
{
    HeldDisk disk{cpi, cid};
    disk.record.metadata = tags_object(metadata);
    disk.save();
}

} // namespace cpi
