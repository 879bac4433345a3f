#include "cpi/held_disk.h"

#include "base/error.h"
#include "cpi/cpi.h"

namespace cpi {

namespace {

DiskRecord read_record(Cpi& cpi, const DiskCid& disk)
{
    const Path file = cpi.store().layout().of(disk) / file_name::disk_record;
    const auto text = cpi.host().read(file);
    if (!text)
        throw Error{ErrorKind::cloud, concat("disk '", disk.str(), "' has no record ", file.native())};
    const json::Document document = json::parse(*text, file.native());
    return json::Codec<DiskRecord>::read(json::root(document));
}

} // namespace

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

HeldDisk::HeldDisk(Cpi& cpi, const DiskCid& cid) : cpi_{cpi}, cid_{cid}, lock_{cpi.store().lock(cid)}
{
    if (!lock_)
        throw Error{ErrorKind::disk_not_found, concat("disk '", cid.str(), "' not found")};
    record = read_record(cpi, cid);
}

Path HeldDisk::folder() const
{
    return cpi_.store().layout().of(cid_);
}

Path HeldDisk::image() const
{
    return folder() / file_name::disk(record.format);
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

void HeldDisk::save() const
{
    cpi_.host().publish(folder() / file_name::disk_record, text_of(record), Access::owner);
}

} // namespace cpi
