#include "lxc/container.h"

#include "base/text.h"

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

std::vector<DiskCid> disks_in(std::string_view domain_xml)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a container's definition");
    std::vector<DiskCid> disks;
    for (const auto& filesystem : domain.root().child("devices")->children("filesystem"))
        if (auto disk = disk_at(target_of(filesystem)))
            disks.push_back(std::move(*disk));
    return disks;
}

bool has_disk(std::string_view domain_xml, const DiskCid& disk)
{
    const auto disks = disks_in(domain_xml);
    return std::ranges::find(disks, disk) != disks.end();
}

void add_folder(const Element& devices, const Path& source, std::string_view target)
{
    const Element filesystem =
        devices.add("filesystem").set("type", "mount").set("accessmode", "passthrough");
    filesystem.add("source").set("dir", source.native());
    filesystem.add("target").set("dir", target);
}

std::string with_disk(std::string_view domain_xml, const DiskCid& disk, const Path& folder)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a container's definition");
    add_folder(*domain.root().child("devices"), folder, folder_of(disk));
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

std::optional<IdMap> ids_in(std::string_view domain_xml)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a container's definition");
    const auto ids = domain.root().find("idmap/uid");
    if (!ids)
        return std::nullopt;
    return IdMap{{std::stoll(ids->attribute("target"))}, {std::stoll(ids->attribute("count"))}};
}

} // namespace cpi::container
