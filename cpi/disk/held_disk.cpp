#include "cpi/disk/held_disk.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/undo.h"
#include "cpi/cpi.h"
#include "cpi/disk/options.h"
#include "cpi/owner.h"
#include "records/record.h"

namespace cpi {

namespace {

DiskRecord load_record(Cpi& cpi, const DiskCid& disk)
{
    const Path file = cpi.store().layout().of(disk) / file_name::disk_record;
    const auto text = cpi.host().read(file);
    if (!text)
        throw Error{ErrorKind::cloud, concat("disk '", disk.str(), "' has no record ", file.native())};
    return read_record<DiskRecord>(*text, file.native());
}

} // namespace

DiskCid new_disk_cid()
{
    constexpr std::size_t serial_length = 20;
    return new_cid<DiskCid>(serial_length - DiskCid::prefix.size());
}

void make_disk(Cpi& cpi, const DiskCid& cid, const DiskRecord& record,
               const std::function<void(const image::Image&)>& fill, const std::optional<Secret>& key)
{
    Store& store = cpi.store();
    const DiskOptions& options = record.properties.fields;
    const Path pool = pool_directory(cpi, options);
    const Path kind = store.layout().disks();
    store.sweep(kind, DiskTag::prefix, [&](const std::string& name) {
        const DiskCid abandoned{name};
        require_own(cpi, abandoned);
        forget_key(cpi, abandoned);
    });
    Creation creation{store, kind, cid.str()};
    creation.undo().add(concat("forget the key of disk ", cid.str()), [&] { forget_key(cpi, cid); });
    store.host().publish(creation.staging() / file_name::disk_record, record_text(record), Access::owner);
    const auto kept = keep_key(cpi, options, creation.staging(), cid.str(), key);
    fill({store.place_image(creation.staging(), cid.str(), record.image, pool), record.format, kept});
    creation.publish();
    creation.finish();
    refresh_pool(cpi, options);
}

HeldDisk::HeldDisk(Cpi& cpi, const DiskCid& cid, DiskOf whose)
    : cpi_{cpi}, cid_{cid}, lock_{cpi.store().lock(cid)}
{
    if (!lock_)
        throw Error{ErrorKind::disk_not_found, concat("disk '", cid.str(), "' not found")};
    record = load_record(cpi, cid);
    if (whose == DiskOf::this_hypervisor)
        require_own(cpi, cid.str(), record.hypervisor);
    remove_other_images();
}

Path HeldDisk::folder() const
{
    return cpi_.store().layout().of(cid_);
}

image::Image HeldDisk::image() const
{
    return {image_file(), record.format, key_of(cpi_, record.properties.fields, cid_.str())};
}

DiskSpec HeldDisk::spec() const
{
    const DiskOptions& options = record.properties.fields;
    return {.file = image_file(),
            .format = record.format,
            .bus = cpi_.config().persistent_bus(),
            .position = 0,
            .serial = cid_.str(),
            .tuning = static_cast<const DiskTuning&>(options),
            .secret = secret_name(options, cid_.str()),
            .ids = record.ids};
}

std::optional<VmCid> HeldDisk::holder() const
{
    // The store remembers to which VM the disk was last given; whether that one has it, its definition tells.
    const auto name = cpi_.host().read(folder() / file_name::attached_to);
    if (!name || name->empty())
        return std::nullopt;
    VmCid vm{*name};
    return cpi_.machines().has_disk(vm, cid_) ? std::optional{vm} : std::nullopt;
}

void HeldDisk::remove_other_images()
{
    if (!record.has_other_images)
        return;
    try {
        for (const auto& name : cpi_.host().list(folder()))
            if (file_name::is_disk_image(name) && name != record.image)
                cpi_.store().discard_image(folder(), cid_.str(), name);
        record.has_other_images = false;
        save();
    } catch (const Error& error) {
        record.has_other_images = true;
        cpi_.log().warning(concat("what is left of other images of disk ", cid_.str(),
                                  " is not removed yet: ", error.what()));
    }
}

void HeldDisk::replace_image(DiskRecord next, const std::function<void(const image::Image&)>& fill)
{
    // The record says so before there is another one, and until there is none any more.
    record.has_other_images = true;
    save();
    Undo undo{cpi_.log()};
    undo.add(concat("remove the new image of disk ", cid_.str()), [this] { remove_other_images(); });
    next.image = file_name::next_disk(record.image, next.format);
    cpi_.store().discard_image(folder(), cid_.str(), next.image); // that an older version may have left
    const DiskOptions& options = next.properties.fields;
    const Path file =
        cpi_.store().place_image(folder(), cid_.str(), next.image, pool_directory(cpi_, options));
    fill({file, next.format, key_of(cpi_, options, cid_.str())});
    check_interrupt();
    undo.keep();
    next.has_other_images = true;
    record = std::move(next);
    save();
    remove_other_images();
}

void HeldDisk::save() const
{
    cpi_.host().publish(folder() / file_name::disk_record, record_text(record), Access::owner);
}

} // namespace cpi
