#include "cpi/disk/snapshots.h"

#include "base/error.h"
#include "cpi/cpi.h"
#include "cpi/disk/held_disk.h"
#include "cpi/disk/options.h"
#include "cpi/owner.h"
#include "records/record.h"
#include "volumes/image.h"

#include <algorithm>

namespace cpi {

namespace {

/// For whoever restores it one day.
struct SnapshotRecord {
    std::string disk;
    std::int64_t size_mib = 0;
    std::string format;
    std::string hypervisor;
    DiskProperties properties;
    std::optional<IdMap> ids;
    json::VerbatimObject metadata;
};

} // namespace

namespace json {

template <>
inline constexpr std::tuple fields<SnapshotRecord>{
    required("disk", &SnapshotRecord::disk),
    required("size_mib", &SnapshotRecord::size_mib),
    required("format", &SnapshotRecord::format),
    required("hypervisor", &SnapshotRecord::hypervisor),
    optional("idmap", &SnapshotRecord::ids),
    optional("cloud_properties", &SnapshotRecord::properties),
    optional("metadata", &SnapshotRecord::metadata),
};

} // namespace json

namespace {

SnapshotRecord record_of(const HeldDisk& disk, const std::map<std::string, TagValue>& metadata)
{
    return {disk.cid().str(),       disk.record.size_mib, disk.record.format,   disk.record.hypervisor,
            disk.record.properties, disk.record.ids,      tags_object(metadata)};
}

SnapshotRecord load_record(Cpi& cpi, const SnapshotCid& snapshot)
{
    cpi.store().require();
    const Path file = cpi.store().layout().of(snapshot) / file_name::snapshot_record;
    const auto text = cpi.host().read(file);
    if (!text)
        throw Error{ErrorKind::cloud, concat("snapshot '", snapshot.str(), "' not found in ",
                                             cpi.store().layout().snapshots().native())};
    auto record = read_record<SnapshotRecord>(*text, file.native());
    require_own(cpi, snapshot.str(), record.hypervisor);
    return record;
}

/// Takes back what a killed call has left beside files: a copy that still goes on, a guest that waits for it,
/// a key.
void forget_snapshot(Cpi& cpi, const SnapshotCid& snapshot)
{
    require_own(cpi, snapshot);
    forget_key(cpi, snapshot);
    const auto text = cpi.store().read(snapshot, file_name::snapshot_record);
    if (!text)
        return;
    const json::Document document = json::parse(*text, snapshot.str());
    const DiskCid disk{json::root(document).at("disk").string()};
    const auto vm = cpi.host().read(cpi.store().layout().of(disk) / file_name::attached_to);
    if (vm && !vm->empty())
        cpi.machines().abandon_copy(VmCid{*vm}, disk, snapshot.str());
}

/// A disk that a VM runs with is copied by the hypervisor, another one as the file that it is.
void copy_image(Cpi& cpi, const HeldDisk& disk, const DiskCopy& copy)
{
    const auto vm = disk.holder();
    if (vm && cpi.machines().uses(*vm, disk.cid()))
        cpi.machines().copy_disk(*vm, disk.cid(), disk.spec(), copy);
    else
        image::copy(cpi.host(), {disk.image_file(), disk.record.format}, copy.file);
}

DiskCid restore_as_new(Cpi& cpi, const Path& image, const SnapshotRecord& record,
                       const std::optional<Secret>& key)
{
    DiskCid cid = new_disk_cid();
    make_disk(
        cpi, cid,
        {record.size_mib,
         record.format,
         file_name::disk(record.format),
         record.hypervisor,
         record.properties,
         {},
         record.ids},
        [&](const image::Image& to) {
            image::copy(cpi.host(), {image, to.format}, to.file);
        },
        key);
    return cid;
}

/// The disk keeps its size, which the Director knows, where it has grown since.
void restore_in_place(Cpi& cpi, const Path& image, const SnapshotRecord& record)
{
    const DiskCid cid{record.disk};
    if (!cpi.store().has(cid))
        throw Error{ErrorKind::disk_not_found, concat("disk '", cid.str(),
                                                      "', of which the snapshot is, no longer "
                                                      "exists. Try: restore with --as-new")};
    HeldDisk disk{cpi, cid};
    if (const auto vm = disk.holder())
        throw Error{ErrorKind::cloud,
                    concat("disk '", disk.cid().str(), "' is attached to VM '", vm->str(),
                           "'. Try: detach it first (bosh stop --hard), or restore with --as-new")};
    DiskRecord next = disk.record;
    next.format = record.format;
    next.ids = record.ids;
    next.size_mib = std::max(disk.record.size_mib, record.size_mib);
    disk.replace_image(next, [&](const image::Image& to) {
        image::copy(cpi.host(), {image, to.format}, to.file);
        if (next.size_mib > record.size_mib)
            grow_image(cpi, to, {static_cast<std::uint64_t>(next.size_mib)}, Preallocation::off);
    });
}

} // namespace

void end_abandoned_snapshots(Cpi& cpi)
{
    cpi.store().sweep_begun(cpi.store().layout().snapshots(), SnapshotTag::prefix,
                            [&](const std::string& name) { forget_snapshot(cpi, SnapshotCid{name}); });
}

SnapshotCid snapshot_disk(Cpi& cpi, const DiskCid& cid, const std::map<std::string, TagValue>& metadata)
{
    Store& store = cpi.store();
    const Path kind = store.layout().snapshots();
    const HeldDisk disk{cpi, cid};
    const DiskOptions& options = disk.record.properties.fields;
    auto snapshot = new_cid<SnapshotCid>();
    store.sweep(kind, SnapshotTag::prefix,
                [&](const std::string& name) { forget_snapshot(cpi, SnapshotCid{name}); });
    Creation creation{store, kind, snapshot.str()};
    creation.undo().add(concat("forget ", snapshot.str()), [&] { forget_snapshot(cpi, snapshot); });
    store.host().publish(creation.staging() / file_name::snapshot_record,
                         record_text(record_of(disk, metadata)), Access::owner);
    const auto key = keep_key(cpi, options, creation.staging(), snapshot.str(), disk.image().key);
    copy_image(cpi, disk,
               {creation.staging() / file_name::disk(disk.record.format), key,
                secret_name(options, snapshot.str())});
    creation.publish();
    creation.finish();
    return snapshot;
}

void delete_snapshot(Cpi& cpi, const SnapshotCid& snapshot)
{
    const auto lock = cpi.store().lock(snapshot);
    require_own(cpi, snapshot);
    forget_key(cpi, snapshot);
    cpi.store().discard(snapshot);
}

DiskCid restore_disk(Cpi& cpi, const SnapshotCid& snapshot, RestoreTo to)
{
    const auto lock = cpi.store().lock(snapshot);
    const SnapshotRecord record = load_record(cpi, snapshot);
    const Path image = cpi.store().layout().of(snapshot) / file_name::disk(record.format);
    if (to == RestoreTo::a_new_disk)
        return restore_as_new(cpi, image, record, key_of(cpi, record.properties.fields, snapshot.str()));
    restore_in_place(cpi, image, record);
    return DiskCid{record.disk};
}

} // namespace cpi
