#include "cpi/disks.h"

#include "cpi/cpi.h"
#include "storage/image.h"

namespace cpi {

namespace {

/// What libvirt cannot keep: a disk that is attached to nothing has no definition.
struct DiskRecord {
    std::int64_t size_mib = 0;
    std::string format;
    json::VerbatimObject cloud_properties;
    json::VerbatimObject metadata;
};

} // namespace

template <>
inline constexpr std::tuple json::fields<DiskRecord>{
    json::required("size_mib", &DiskRecord::size_mib),
    json::required("format", &DiskRecord::format),
    json::optional("cloud_properties", &DiskRecord::cloud_properties),
    json::optional("metadata", &DiskRecord::metadata),
};

namespace {

/// A disk is found by its cid in the guest: virtio and scsi serial numbers are cut after 20 characters, and
/// stemcells look by cid only when it has no fewer.
DiskCid new_disk_cid()
{
    constexpr std::size_t serial_length = 20;
    return DiskCid{concat(DiskTag::prefix, random_name(serial_length - DiskTag::prefix.size()))};
}

[[noreturn]] void not_found(const DiskCid& disk)
{
    throw Error{ErrorKind::disk_not_found, concat("disk '", disk.str(), "' not found")};
}

std::unique_ptr<HeldLock> lock_existing(Cpi& cpi, const DiskCid& disk)
{
    auto lock = cpi.store().lock(disk);
    if (!lock)
        not_found(disk);
    return lock;
}

std::string text_of(const DiskRecord& record)
{
    json::Writer out;
    out.begin_object();
    out.key("size_mib").integer(record.size_mib);
    out.key("format").string(record.format);
    out.key("cloud_properties").verbatim(record.cloud_properties);
    out.key("metadata").verbatim(record.metadata);
    out.end_object();
    return json::pretty(out.text());
}

DiskRecord read_record(Cpi& cpi, const DiskCid& disk)
{
    const Path file = cpi.store().layout().of(disk) / file_name::disk_record;
    const auto text = cpi.host().read(file);
    if (!text)
        throw Error{ErrorKind::cloud, concat("disk '", disk.str(), "' has no record ", file.native())};
    const json::Document document = json::parse(*text, file.native());
    return json::Codec<DiskRecord>::read(json::root(document));
}

/// The VM that has the disk, if any. The store remembers to which VM it was last given; whether that one has
/// it, its definition tells.
std::optional<VmCid> holder_of(Cpi& cpi, const DiskCid& disk)
{
    const auto name = cpi.host().read(cpi.store().layout().of(disk) / file_name::attached_to);
    if (!name || name->empty())
        return std::nullopt;
    VmCid vm{*name};
    return cpi.machines().has_disk(vm, disk) ? std::optional{vm} : std::nullopt;
}

/// A thin disk may promise more than is free now, but not more than the file system could ever hold.
void require_room(Cpi& cpi, const DiskSize& size)
{
    cpi.store().require();
    const Mebibytes wanted{static_cast<std::uint64_t>(size.value)};
    const std::uint64_t total = cpi.host().space(cpi.store().layout().root()).total;
    if (wanted.bytes() > total)
        throw Error{ErrorKind::no_disk_space,
                    concat("a disk of ", wanted.count, " MiB is larger than the whole file system of ",
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
    image::create(store.host(), creation.staging() / file_name::disk(format), format,
                  {static_cast<std::uint64_t>(size.value)});
    store.host().publish(creation.staging() / file_name::disk_record,
                         text_of({size.value, format, properties.verbatim, {}}), Access::owner);
    creation.publish();
    creation.finish();
    return cid;
}

bool has_disk(Cpi& cpi, const DiskCid& disk)
{
    return cpi.store().has(disk);
}

void delete_disk(Cpi& cpi, const DiskCid& disk)
{
    const auto lock = lock_existing(cpi, disk);
    if (const auto vm = holder_of(cpi, disk))
        throw Error{ErrorKind::cloud, concat("disk '", disk.str(), "' is attached to VM '", vm->str(),
                                             "' and is not deleted. Try: detach it first")};
    cpi.host().discard(cpi.store().layout().of(disk));
}

DiskHint attach_disk(Cpi& cpi, const VmCid& vm, const DiskCid& disk)
{
    Store& store = cpi.store();
    const auto vm_lock = store.lock(vm);
    if (!cpi.machines().exists(vm))
        throw Error{ErrorKind::vm_not_found, concat("VM '", vm.str(), "' not found")};
    const auto disk_lock = lock_existing(cpi, disk);
    const auto holder = holder_of(cpi, disk);
    if (holder && *holder != vm)
        throw Error{ErrorKind::cloud, concat("disk '", disk.str(), "' is attached to VM '", holder->str(),
                                             "', it cannot be attached to VM '", vm.str(), "' as well")};
    // Before the disk is given away, so that a call that is killed in between leaves a name too many, never
    // one too few.
    if (!holder)
        cpi.host().publish(store.layout().of(disk) / file_name::attached_to, vm.str(), Access::owner);
    const std::string format = read_record(cpi, disk).format;
    const std::string path =
        cpi.machines().attach(vm, disk, store.layout().of(disk) / file_name::disk(format));
    return {path, disk.str().substr(DiskTag::prefix.size())};
}

void detach_disk(Cpi& cpi, const VmCid& vm, const DiskCid& disk)
{
    const auto vm_lock = cpi.store().lock(vm);
    const auto disk_lock = lock_existing(cpi, disk);
    Machines machines = cpi.machines();
    if (!machines.exists(vm) || !machines.detach(vm, disk))
        throw Error{ErrorKind::disk_not_attached,
                    concat("disk '", disk.str(), "' is not attached to VM '", vm.str(), "'")};
}

std::vector<DiskCid> get_disks(Cpi& cpi, const VmCid& vm)
{
    return cpi.machines().persistent_disks(vm);
}

void set_disk_metadata(Cpi& cpi, const DiskCid& disk, const std::map<std::string, TagValue>& metadata)
{
    const auto lock = lock_existing(cpi, disk);
    json::Writer tags;
    tags.begin_object();
    for (const auto& [key, value] : metadata)
        tags.key(key).string(value.text);
    tags.end_object();
    DiskRecord record = read_record(cpi, disk);
    record.metadata = json::VerbatimObject{tags.text()};
    cpi.host().publish(cpi.store().layout().of(disk) / file_name::disk_record, text_of(record),
                       Access::owner);
}

} // namespace cpi
