#include "hypervisor/device_edit.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <charconv>

namespace cpi {

namespace {

/// QEMU's virtio-scsi has 256 targets; the first few are kept for the VM's own disks.
constexpr unsigned first_target = 8;
constexpr unsigned targets = 256 - first_target;

std::vector<xml::Element> disks_of(const xml::Document& domain)
{
    const auto devices = domain.root().child("devices");
    return devices ? devices->children("disk") : std::vector<xml::Element>{};
}

DiskTarget target_in(const xml::Element& disk)
{
    const auto target = disk.child("target");
    return target ? DiskTarget{target->attribute("dev"), target->attribute("bus")} : DiskTarget{};
}

Error no_room(unsigned places)
{
    return Error{ErrorKind::cloud, concat("the VM has no room for another disk: ", places, " of ", places,
                                          " places are taken")};
}

} // namespace

std::vector<DefinedDisk> disks_with_serials(std::string_view domain_xml)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a VM's definition");
    std::vector<DefinedDisk> found;
    for (const auto& disk : disks_of(domain))
        if (const auto serial = disk.child("serial"))
            found.push_back({serial->text(), disk.to_text()});
    return found;
}

std::optional<DefinedDisk> find_disk(std::string_view domain_xml, std::string_view serial)
{
    const auto disks = disks_with_serials(domain_xml);
    const auto found = std::ranges::find(disks, serial, &DefinedDisk::serial);
    return found == disks.end() ? std::nullopt : std::optional{*found};
}

bool lives_in(std::string_view domain_xml, const Path& folder)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a VM's definition");
    const auto devices = domain.root().child("devices");
    const std::string within = concat(folder.native(), "/");
    const auto is_within = [&](const xml::Element& device) {
        const auto source = device.child("source");
        return source && (source->attribute("file").starts_with(within) ||
                          source->attribute("dir").starts_with(within));
    };
    return devices && std::ranges::any_of(devices->children(), is_within);
}

void add_encryption(const xml::Element& source, std::string_view secret)
{
    source.add("encryption")
        .set("format", "luks")
        .add("secret")
        .set("type", "passphrase")
        .set("usage", secret);
}

std::string backup_xml(std::string_view domain_xml, std::string_view serial, std::string_view format,
                       const DiskCopy& to)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a VM's definition");
    const xml::Document job{"domainbackup"};
    const xml::Element disks = job.root().set("mode", "push").add("disks");
    for (const auto& disk : disks_of(domain)) {
        const auto target = disk.child("target");
        if (!target)
            continue;
        const xml::Element entry = disks.add("disk").set("name", target->attribute("dev"));
        const auto found = disk.child("serial");
        const bool wanted = found && found->text() == serial;
        entry.set("backup", wanted ? "yes" : "no");
        if (!wanted)
            continue;
        const xml::Element copy = entry.set("type", "file").add("target").set("file", to.file.native());
        if (!to.secret.empty())
            add_encryption(copy, to.secret);
        entry.add("driver").set("type", format);
    }
    return job.to_text();
}

std::vector<DiskTarget> disk_targets(std::string_view domain_xml)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a VM's definition");
    std::vector<DiskTarget> found;
    for (const auto& disk : disks_of(domain))
        found.push_back(target_in(disk));
    return found;
}

DiskTarget target_of_disk(std::string_view disk_xml)
{
    return target_in(xml::Document::parse(disk_xml, "a disk's definition").root());
}

std::set<unsigned> used_scsi_targets(std::string_view domain_xml)
{
    const xml::Document domain = xml::Document::parse(domain_xml, "a VM's definition");
    std::set<unsigned> used;
    for (const auto& disk : disks_of(domain)) {
        const auto address = disk.child("address");
        if (!address || target_in(disk).bus != "scsi")
            continue;
        const std::string number = address->attribute("target");
        unsigned value = 0;
        std::from_chars(number.data(), number.data() + number.size(), value);
        used.insert(value);
    }
    return used;
}

unsigned free_scsi_target(const std::set<unsigned>& used, std::string_view serial)
{
    const auto start = static_cast<unsigned>(stable_hash(serial) % targets);
    for (unsigned step = 0; step < targets; ++step) {
        const unsigned candidate = first_target + (start + step) % targets;
        if (!used.contains(candidate))
            return candidate;
    }
    throw no_room(targets);
}

unsigned free_place(const std::set<unsigned>& used, unsigned first, unsigned end)
{
    for (unsigned place = first; place < end; ++place)
        if (!used.contains(place))
            return place;
    throw no_room(end - first);
}

} // namespace cpi
