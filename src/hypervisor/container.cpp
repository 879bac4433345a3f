#include "hypervisor/container.h"

#include "base/text.h"
#include "xml/xml.h"

#include <algorithm>

namespace cpi::container {

namespace {

using xml::Element;

/// The disk that is mounted at a folder of the container.
std::optional<DiskCid> disk_at(const std::string& folder)
{
    const std::string prefix = concat(disks_folder, "/");
    if (!folder.starts_with(prefix))
        return std::nullopt;
    return DiskCid{folder.substr(prefix.size())};
}

std::string target_of(const Element& filesystem)
{
    const auto target = filesystem.child("target");
    return target ? target->attribute("dir") : "";
}

} // namespace

std::string folder_of(const DiskCid& disk)
{
    return concat(disks_folder, "/", disk.str());
}

std::vector<Disk> disks_in(std::string_view domain_xml)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a container's definition");
    std::vector<Disk> disks;
    for (const auto& filesystem : domain.root().child("devices")->children("filesystem"))
        if (auto disk = disk_at(target_of(filesystem)))
            disks.push_back({std::move(*disk), filesystem.child("source")->attribute("file")});
    return disks;
}

std::optional<Disk> find_disk(std::string_view domain_xml, const DiskCid& disk)
{
    const auto disks = disks_in(domain_xml);
    const auto found = std::ranges::find(disks, disk, &Disk::cid);
    return found == disks.end() ? std::nullopt : std::optional{*found};
}

std::string with_disk(std::string_view domain_xml, const DiskCid& disk, const Path& image)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a container's definition");
    const Element filesystem = domain.root().child("devices")->add("filesystem").set("type", "file");
    filesystem.add("driver").set("type", "loop").set("format", "raw");
    filesystem.add("source").set("file", image.native());
    filesystem.add("target").set("dir", folder_of(disk));
    return domain.to_text();
}

std::string without_disk(std::string_view domain_xml, const DiskCid& disk)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a container's definition");
    const Element devices = *domain.root().child("devices");
    for (const auto& filesystem : devices.children("filesystem"))
        if (target_of(filesystem) == folder_of(disk))
            devices.remove(filesystem);
    return domain.to_text();
}

std::string init_program(std::string_view domain_xml)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a container's definition");
    const auto init = domain.root().find("os/init");
    return init ? init->text() : "";
}

std::vector<GuestNic> nics_in(std::string_view domain_xml)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a container's definition");
    std::vector<GuestNic> nics;
    for (const auto& interface : domain.root().child("devices")->children("interface"))
        nics.push_back(
            {interface.child("guest")->attribute("dev"), interface.child("mac")->attribute("address")});
    return nics;
}

std::vector<Mount> mounts_in(std::string_view mountinfo)
{
    constexpr std::size_t device = 2;
    constexpr std::size_t place = 4;
    std::vector<Mount> mounts;
    for (const auto& line : split(mountinfo, '\n')) {
        const auto fields = split(line, ' ');
        if (fields.size() > place)
            mounts.push_back({fields[device], fields[place]});
    }
    return mounts;
}

std::optional<Mount> mount_at(const std::vector<Mount>& mounts, std::string_view place)
{
    const auto found = std::ranges::find(mounts, place, &Mount::place);
    return found == mounts.end() ? std::nullopt : std::optional{*found};
}

} // namespace cpi::container
