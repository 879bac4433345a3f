#include "vmware/vmware_definition.h"

#include "base/error.h"
#include "base/text.h"
#include "hypervisor/device_edit.h"
#include "xml/xml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>
#include <vector>

namespace cpi::vmware {

namespace {

using xml::Element;

constexpr std::string_view what_it_is = "the record of a VM";
/// VMware's own cards. Those that are made up for QEMU it does not have.
constexpr std::array nic_models{NicModel::vmxnet3, NicModel::e1000, NicModel::e1000e};
constexpr std::array<std::string_view, 2> nat_networks{"default", "nat"};
constexpr std::string_view bridged_network = "bridged";
/// Units 0 to 6: the controller itself is 7, and libvirt does not get beyond it.
constexpr unsigned units = 7;

/// "vmnet" and a number.
bool is_vmnet(std::string_view name)
{
    constexpr std::string_view prefix = "vmnet";
    unsigned number = 0;
    if (!name.starts_with(prefix))
        return false;
    const std::string_view digits = name.substr(prefix.size());
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return failed == std::errc{} && end == digits.data() + digits.size() && number < 256;
}

bool is_nat(std::string_view name)
{
    return std::ranges::find(nat_networks, name) != nat_networks.end();
}

void add_nic(const Element& devices, const Nic& nic)
{
    const std::string& name = nic.source.name;
    const bool is_bridge = nic.source.kind == NicSource::Kind::bridge || !is_nat(name);
    const Element interface = devices.add("interface").set("type", is_bridge ? "bridge" : "user");
    // Not to be checked against the addresses that VMware gives away.
    interface.add("mac").set("address", nic.mac).set("type", "static");
    if (is_bridge)
        interface.add("source").set("bridge", name);
    if (is_bridge && is_vmnet(name))
        interface.add("target").set("dev", concat("/dev/", name));
    interface.add("model").set("type", word_of(nic.model));
}

void add_disk(const Element& devices, const DiskSpec& spec)
{
    const bool is_ide = spec.bus == Bus::ide;
    const Element disk = devices.add("disk").set("type", "file").set("device", "disk");
    disk.add("source").set("file", spec.file.native());
    disk.add("target")
        .set("dev", concat(is_ide ? "hd" : "sd", static_cast<char>('a' + spec.position)))
        .set("bus", is_ide ? "ide" : "scsi");
    if (!spec.serial.empty())
        disk.add("serial", spec.serial);
}

void add_devices(const Element& domain, const DomainSpec& spec)
{
    const Element devices = domain.add("devices");
    devices.add("controller").set("type", "scsi").set("index", "0").set("model", "lsilogic");
    add_disk(devices, spec.root);
    if (spec.ephemeral)
        add_disk(devices, *spec.ephemeral);
    const Element cdrom = devices.add("disk").set("type", "file").set("device", "cdrom");
    cdrom.add("source").set("file", spec.settings_medium.native());
    cdrom.add("target").set("dev", "hdc").set("bus", "ide");
    cdrom.add("readonly");
    for (const Nic& nic : spec.nics)
        add_nic(devices, nic);
    const Element serial = devices.add("serial").set("type", "file");
    serial.add("source").set("path", spec.console_log.native());
    serial.add("target").set("port", "0");
    // What has no remote display libvirt starts in a window.
    devices.add("graphics").set("type", "vnc").set("port", "5900").set("listen", "127.0.0.1");
}

/// The letter of a target's name as a number: sdc is 2.
unsigned unit_of_target(const Element& disk)
{
    return static_cast<unsigned>(disk.child("target")->attribute("dev").back() - 'a');
}

std::vector<Element> disks_of(const xml::Document& record)
{
    return record.root().child("devices")->children("disk");
}

std::optional<Element> find(const xml::Document& record, std::string_view serial)
{
    for (const Element& disk : disks_of(record))
        if (const auto found = disk.child("serial"); found && found->text() == serial)
            return disk;
    return std::nullopt;
}

/// As VMware writes it: what would end a value takes three bytes.
std::size_t written_size(std::string_view value)
{
    const auto awkward = std::ranges::count_if(value, [](char c) { return c == '"' || c == '|'; });
    return value.size() + 2 * static_cast<std::size_t>(awkward);
}

/// All texts of a record that come into the VMX as they are: names and paths.
std::size_t size_of_names(const Element& element)
{
    constexpr std::array attributes{"file", "path", "bridge"};
    std::size_t size = 0;
    for (const auto* name : attributes)
        size += written_size(element.attribute(name));
    for (const Element& child : element.children())
        size += size_of_names(child);
    return size;
}

struct Setting {
    std::string key;
    std::string value;
};

/// What VMware is to do where it would ask somebody in front of a window, and what libvirt has no words for.
std::vector<Setting> settings_for(std::string_view record)
{
    std::vector<Setting> settings{
        {"uuid.action", "keep"},
        {"msg.autoAnswer", "TRUE"},
        {"answer.msg.serial.file.open", "Append"},
        {"disk.EnableUUID", "TRUE"},
        // One without a password, open to every user of the host, at a port that all VMs would share.
        {"RemoteDisplay.vnc.enabled", "FALSE"},
    };
    const auto document = xml::Document::parse(record, what_it_is);
    if (document.root().child("os")->attribute("firmware") == "efi")
        settings.push_back({"firmware", "efi"});
    return settings;
}

bool has_key(std::string_view line, std::string_view key)
{
    return lower(trim(line.substr(0, line.find('=')))) == lower(key);
}

} // namespace

void check_nic(const Nic& nic)
{
    const NicSource& source = nic.source;
    const bool is_network = source.kind == NicSource::Kind::network;
    if (is_network && !is_nat(source.name) && source.name != bridged_network && !is_vmnet(source.name))
        throw Error{ErrorKind::network_not_found,
                    concat(describe(source), " does not exist on vmware, which has 'nat' (or 'default'), "
                                             "'bridged' and 'vmnet0' to 'vmnet255'")};
    if (std::ranges::find(nic_models, nic.model) == nic_models.end())
        throw Error{ErrorKind::not_supported,
                    concat("model ", word_of(nic.model),
                           " does not exist on vmware, which has vmxnet3, e1000 and "
                           "e1000e")};
}

std::string record_of(const DomainSpec& spec, const std::string& uuid)
{
    constexpr std::uint64_t step = 4; // MiB
    constexpr std::size_t most_nics = 10;
    if (spec.nics.size() > most_nics)
        throw Error{ErrorKind::not_supported,
                    concat("a VM has at most ", most_nics, " NICs on vmware, got ", spec.nics.size())};
    const auto memory = static_cast<std::uint64_t>(spec.hardware.memory.value);
    const xml::Document document{"domain"};
    const Element domain = document.root().set("type", "vmware");
    domain.add("name", spec.name);
    domain.add("uuid", uuid);
    domain.add("memory", std::to_string((memory + step - 1) / step * step)).set("unit", "MiB");
    const std::string cpus = json::as_word(spec.hardware.cpus);
    domain.add("vcpu", cpus);
    const Element os = domain.add("os");
    if (spec.firmware == Firmware::uefi)
        os.set("firmware", "efi");
    os.add("type", "hvm").set("arch", "x86_64");
    domain.add("cpu").add("topology").set("sockets", "1").set("cores", cpus).set("threads", "1");
    add_devices(domain, spec);
    return document.to_text();
}

std::string definition_of(std::string_view record)
{
    const auto document = xml::Document::parse(record, what_it_is);
    document.root().child("os")->unset("firmware"); // libvirt refuses it
    return document.to_text();
}

std::string with_disk(std::string_view record, const DiskSpec& disk)
{
    const auto document = xml::Document::parse(record, what_it_is);
    add_disk(*document.root().child("devices"), disk);
    return document.to_text();
}

std::string without_disk(std::string_view record, std::string_view serial)
{
    const auto document = xml::Document::parse(record, what_it_is);
    if (const auto disk = find(document, serial))
        document.root().child("devices")->remove(*disk);
    return document.to_text();
}

std::string with_description(std::string_view record, const std::string& description)
{
    const auto document = xml::Document::parse(record, what_it_is);
    if (const auto old = document.root().child("description"))
        document.root().remove(*old);
    document.root().add("description", description);
    return document.to_text();
}

DiskHint hint(const DiskSpec& disk)
{
    return {.path = {}, .volume_id = std::to_string(disk.position)};
}

std::optional<unsigned> unit_of(std::string_view record, std::string_view serial)
{
    const auto document = xml::Document::parse(record, what_it_is);
    const auto disk = find(document, serial);
    return disk ? std::optional{unit_of_target(*disk)} : std::nullopt;
}

unsigned free_unit(std::string_view record)
{
    const auto document = xml::Document::parse(record, what_it_is);
    std::set<unsigned> used{1}; // of the ephemeral disk, whether there is one or not
    for (const Element& disk : disks_of(document))
        if (disk.child("target")->attribute("bus") == "scsi")
            used.insert(unit_of_target(disk));
    // Its agent looks for disks on the controller that has the root disk.
    if (!used.contains(0))
        throw Error{ErrorKind::not_supported,
                    "the VM has its root disk on IDE, and its agent would not find a persistent disk, which "
                    "is on SCSI. Try: storage_controller SCSI, and bosh recreate"};
    for (unsigned unit = 0; unit < units; ++unit)
        if (!used.contains(unit))
            return unit;
    throw Error{ErrorKind::cloud, concat("the VM has no room for another disk: all ", units,
                                         " places on its SCSI controller are taken")};
}

std::size_t vmx_size(std::string_view record)
{
    constexpr std::size_t machine = 1250; // with its console and its bridges, and what we add
    constexpr std::size_t each_disk = 100;
    constexpr std::size_t each_nic = 245;
    const auto document = xml::Document::parse(record, what_it_is);
    const Element root = document.root();
    const auto description = root.child("description");
    return machine + root.child("name")->text().size() +
           (description ? written_size(description->text()) : 0) + size_of_names(root) +
           each_disk * disks_of(document).size() +
           each_nic * root.child("devices")->children("interface").size();
}

void check_vmx_size(std::string_view record)
{
    constexpr std::size_t most = 7000; // libvirt reads 10,000, and VMware adds up to 3,000
    const std::size_t size = vmx_size(record);
    if (size > most)
        throw Error{ErrorKind::not_supported,
                    concat("the VM's configuration would take ", size,
                           " bytes of VMware's file for it (at most ", most,
                           "): libvirt could not read it any more. Try: fewer NICs or disks, or a "
                           "shorter path as store_dir")};
}

std::string finished_vmx(std::string_view vmx, std::string_view record)
{
    const auto settings = settings_for(record);
    std::string text;
    // A key that is there twice would make the file unreadable.
    for (const auto& line : split(vmx, '\n'))
        if (!line.empty() && std::ranges::none_of(settings, [&](const Setting& setting) {
                return has_key(line, setting.key);
            }))
            text += concat(line, "\n");
    for (const auto& [key, value] : settings)
        text += concat(key, " = \"", value, "\"\n");
    return text;
}

std::string reason_in(std::string_view log)
{
    constexpr std::ptrdiff_t shown = 6;
    constexpr std::string_view verdict = "Failed to start the virtual machine";
    std::vector<std::string> lines = split(trim(log), '\n');
    const auto last = std::ranges::find_if(lines.rbegin(), lines.rend(), [&](const std::string& line) {
        return line.find(verdict) != std::string::npos;
    });
    // What follows the verdict only tells how VMware cleans up.
    if (last != lines.rend())
        lines.erase(last.base(), lines.end());
    if (std::ssize(lines) > shown)
        lines.erase(lines.begin(), lines.end() - shown);
    return printable_utf8(join(lines, "\n"));
}

} // namespace cpi::vmware
