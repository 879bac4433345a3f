#include "cpi/snapshots.h"

#include "cpi/cpi.h"
#include "cpi/held_disk.h"
#include "storage/image.h"

namespace cpi {

namespace {

/// For whoever restores it one day.
std::string record_of(const HeldDisk& disk, const std::map<std::string, TagValue>& metadata)
{
    json::Writer out;
    out.begin_object();
    out.key("disk").string(disk.cid().str());
    out.key("size_mib").integer(disk.record.size_mib);
    out.key("format").string(disk.record.format);
    out.key("cloud_properties").verbatim(disk.record.cloud_properties);
    out.key("metadata").verbatim(tags_object(metadata));
    out.end_object();
    return json::pretty(out.text());
}

} // namespace

SnapshotCid snapshot_disk(Cpi& cpi, const DiskCid& cid, const std::map<std::string, TagValue>& metadata)
{
    Store& store = cpi.store();
    const HeldDisk disk{cpi, cid};
    auto snapshot = new_cid<SnapshotCid>();
    store.sweep(store.layout().snapshots(), SnapshotTag::prefix, [](const std::string&) {});
    Creation creation{store, store.layout().snapshots(), snapshot.str()};
    const std::string& format = disk.record.format;
    const Path copy = creation.staging() / file_name::disk(format);
    const auto vm = disk.holder();
    if (!vm || !cpi.machines().copy_disk(*vm, cid, copy))
        image::convert(store.host(), disk.image(), format, copy, format);
    store.host().publish(creation.staging() / file_name::snapshot_record, record_of(disk, metadata),
                         Access::owner);
    creation.publish();
    creation.finish();
    return snapshot;
}

void delete_snapshot(Cpi& cpi, const SnapshotCid& snapshot)
{
    const auto lock = cpi.store().lock(snapshot);
    cpi.host().discard(cpi.store().layout().of(snapshot));
}

} // namespace cpi
