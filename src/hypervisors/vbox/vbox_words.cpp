#include "base/error.h"
#include "base/text.h"
#include "vbox/vbox.h"
#include "vbox/vbox_properties.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace cpi::vbox {

namespace {

/// The controllers' names. Persistent disks are on the first one always: on no other do they come and go.
constexpr std::string_view sata = "SATA";
constexpr std::string_view ide = "IDE";

constexpr unsigned sata_ports = 30;
/// The first ones are for the VM's own disks.
constexpr unsigned first_persistent_port = 2;

/// VirtualBox's chipset PIIX3 has as many network adapters.
constexpr std::size_t most_nics = 8;

void add(Words& words, std::initializer_list<std::string_view> more)
{
    words.insert(words.end(), more.begin(), more.end());
}

std::string on_off(bool yes)
{
    return yes ? "on" : "off";
}

/// An option of the NIC with that number.
std::string option(std::string_view name, std::size_t number)
{
    return concat("--", name, number);
}

void add_plug(Words& words, const NicSource& source, std::size_t number)
{
    using Kind = NicSource::Kind;
    const std::string nic = option("nic", number);
    switch (source.kind) {
    case Kind::nat: add(words, {nic, "nat"}); return;
    case Kind::nat_network:
        add(words, {nic, "natnetwork", option("nat-network", number), source.name});
        return;
    case Kind::host_only:
        add(words, {nic, "hostonly", option("host-only-adapter", number), source.name});
        return;
    case Kind::bridge: add(words, {nic, "bridged", option("bridge-adapter", number), source.name}); return;
    case Kind::internal: add(words, {nic, "intnet", option("intnet", number), source.name}); return;
    case Kind::network:
    case Kind::openvswitch:
    case Kind::direct: break;
    }
    throw Error{ErrorKind::not_supported, concat(describe(source), ": VirtualBox has no such thing")};
}

std::string_view adapter_of(NicModel model)
{
    if (model == NicModel::virtio)
        return "virtio";
    if (model == NicModel::e1000)
        return "82540EM";
    throw Error{ErrorKind::not_supported,
                concat("'model' ", word_of(model), " is not possible on vbox. Try: virtio or e1000")};
}

std::string bare(std::string mac)
{
    std::erase(mac, ':');
    std::ranges::transform(
        mac, mac.begin(), [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
    return mac;
}

void add_nics(Words& words, const std::vector<Nic>& nics)
{
    if (nics.size() > most_nics)
        throw Error{ErrorKind::not_supported,
                    concat(nics.size(), " NICs: a VM of VirtualBox has ", most_nics, " at most")};
    if (nics.empty())
        add(words, {"--nic1", "none"}); // a new VM has one
    std::size_t number = 0;
    for (const Nic& nic : nics) {
        ++number;
        add_plug(words, nic.source, number);
        add(words, {option("nic-type", number), adapter_of(nic.model), option("mac-address", number),
                    bare(nic.mac)});
    }
}

Words hardware(const DomainSpec& spec)
{
    const auto& own = own_of<VboxProperties>(spec);
    Words words{"modifyvm", uuid_of(VmCid{spec.name})};
    add(words,
        {"--cpus", json::as_word(spec.hardware.cpus), "--memory", json::as_word(spec.hardware.memory)});
    add(words, {"--chipset", "piix3", "--ioapic", "on", "--rtc-use-utc", "on"});
    add(words, {"--firmware", spec.firmware == Firmware::uefi ? "efi" : "bios"});
    add(words, {"--boot1", "disk", "--boot2", "none", "--boot3", "none", "--boot4", "none"});
    add(words, {"--paravirt-provider", json::as_word(own.paravirt_provider)});
    add(words, {"--nested-paging", on_off(own.nested_paging)});
    add(words, {"--graphicscontroller", "vmsvga", "--vram", "16", "--mouse", "ps2", "--keyboard", "ps2"});
    add(words, {"--audio-enabled", "off", "--usb-ohci", "off", "--usb-ehci", "off", "--usb-xhci", "off"});
    add(words, {"--uart1", "0x3F8", "4", "--uart-mode1", "file", spec.console_log.native()});
    add(words, {"--vrde", on_off(own.graphics == Graphics::rdp)});
    if (own.graphics == Graphics::rdp) // the first port that is free
        add(words, {"--vrde-address", "127.0.0.1", "--vrde-port", "3389-3889"});
    add_nics(words, spec.nics);
    return words;
}

struct Slot {
    std::string_view controller;
    unsigned port = 0;
    unsigned device = 0;
};

/// Of one of the VM's own disks.
Slot slot_of(const DiskSpec& disk)
{
    if (disk.bus == Bus::ide)
        return {ide, 0, disk.position};
    return {sata, disk.position, 0};
}

Words plug(const std::string& vm, const Slot& slot, std::string_view type, const Path& file)
{
    Words words{"storageattach", vm};
    add(words, {"--storagectl", slot.controller, "--port", std::to_string(slot.port), "--device",
                std::to_string(slot.device), "--type", type, "--medium", file.native()});
    return words;
}

std::optional<unsigned> number_in(std::string_view text)
{
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

/// A value as it was before it was put in quotes.
std::string unquoted(std::string_view text)
{
    if (text.size() < 2 || text.front() != '"' || text.back() != '"')
        return std::string{text};
    std::string plain;
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
        if (text[i] == '\\' && i + 2 < text.size())
            ++i;
        plain += text[i];
    }
    return plain;
}

struct Line {
    std::string key;
    std::string value;
};

/// key="value", "key"="value" or key=value.
std::vector<Line> lines_of(std::string_view text)
{
    std::vector<Line> lines;
    for (const std::string& line : split(text, '\n')) {
        const bool is_quoted = line.starts_with('"');
        const std::size_t equals = is_quoted ? line.find("\"=") + 1 : line.find('=');
        if (equals != std::string::npos && equals != 0)
            lines.push_back({unquoted(std::string_view{line}.substr(0, equals)),
                             unquoted(trim(line.substr(equals + 1)))});
    }
    return lines;
}

/// Of "SATA-3-0" for persistent disks.
std::optional<unsigned> persistent_port(const std::string& key)
{
    const auto parts = split(key, '-');
    if (parts.size() != 3 || parts[0] != sata || parts[2] != "0")
        return std::nullopt;
    const auto port = number_in(parts[1]);
    return port && *port >= first_persistent_port ? port : std::nullopt;
}

/// A persistent disk's image is in the folder of its cid.
std::optional<Attached> disk_at(unsigned port, const Path& image)
{
    const std::string folder = image.parent_path().filename().native();
    if (!folder.starts_with(DiskTag::prefix))
        return std::nullopt;
    return Attached{DiskCid{folder}, image, port};
}

constexpr std::size_t uuid_offset = 0x188;
constexpr std::string_view signature = "\x7f\x10\xda\xbe";
constexpr std::size_t signature_offset = 0x40;

} // namespace

std::string uuid_of(const VmCid& vm)
{
    return stable_uuid(vm.str());
}

std::string uuid_of(const DiskSpec& disk)
{
    return stable_uuid(concat(disk.file.parent_path().filename().native(), "/", disk.serial));
}

std::optional<std::string> uuid_in(std::string_view header)
{
    if (header.size() < header_bytes || header.substr(signature_offset, signature.size()) != signature)
        return std::nullopt;
    // The first three parts are numbers, lowest byte first.
    constexpr std::array<std::size_t, 16> order{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    constexpr std::string_view digits = "0123456789abcdef";
    std::string uuid;
    for (const std::size_t at : order) {
        const auto byte = static_cast<unsigned char>(header[uuid_offset + at]);
        if (uuid.size() == 8 || uuid.size() == 13 || uuid.size() == 18 || uuid.size() == 23)
            uuid += '-';
        uuid += {digits[byte >> 4U], digits[byte & 0xFU]};
    }
    return uuid;
}

Words give_uuid(const DiskSpec& disk)
{
    return {"internalcommands", "sethduuid", disk.file.native(), uuid_of(disk)};
}

DiskHint hint(const DiskSpec& disk)
{
    const std::string uuid = uuid_of(disk);
    const auto byte = [&](std::size_t from_end) { return uuid.substr(uuid.size() - 2 * from_end, 2); };
    const std::string start = concat("VB", uuid.substr(0, 8));
    const std::string end = concat(byte(1), byte(2), byte(3), byte(4));
    // Agents leave out dashes and look for what ends so.
    return {.path = concat("/dev/disk/by-id/ata-VBOX_HARDDISK_", start, "-", end),
            .id = concat(start, "?", end)};
}

NicSource place_of(const NicSource& named)
{
    using Kind = NicSource::Kind;
    if (named.kind != Kind::network)
        return named;
    if (named.name == "default" || named.name == "nat")
        return {Kind::nat, {}};
    constexpr std::string_view host_only = "vboxnet";
    if (named.name.starts_with(host_only) && number_in(named.name.substr(host_only.size())))
        return {Kind::host_only, named.name};
    return {Kind::nat_network, named.name};
}

std::vector<Words> creation(const DomainSpec& spec)
{
    const std::string vm = uuid_of(VmCid{spec.name});
    const Path folder = spec.root.file.parent_path();
    std::vector<Words> calls{
        {"createvm", "--name", spec.name, "--uuid", vm, "--basefolder", folder.parent_path().native(),
         "--ostype", "Linux_64", "--register"},
        hardware(spec),
        {"storagectl", vm, "--name", std::string{sata}, "--add", "sata", "--controller", "IntelAhci",
         "--portcount", std::to_string(sata_ports)},
        {"storagectl", vm, "--name", std::string{ide}, "--add", "ide", "--controller", "PIIX4"}};
    std::vector<DiskSpec> disks{spec.root};
    if (spec.ephemeral)
        disks.push_back(*spec.ephemeral);
    for (const DiskSpec& disk : disks) {
        calls.push_back(give_uuid(disk));
        calls.push_back(plug(vm, slot_of(disk), "hdd", disk.file));
    }
    calls.push_back(plug(vm, {ide, 1, 0}, "dvddrive", spec.settings_medium));
    return calls;
}

Words attachment(const std::string& vm, const Path& image, unsigned port, While state)
{
    Words words = plug(vm, {sata, port, 0}, "hdd", image);
    // Said of a running VM it is an error, and there it is so anyway.
    if (state == While::off)
        add(words, {"--hotpluggable", "on"});
    return words;
}

Words detachment(const std::string& vm, unsigned port)
{
    return plug(vm, {sata, port, 0}, "hdd", "none");
}

VmInfo read_info(std::string_view machine_readable)
{
    VmInfo info;
    for (const auto& [key, value] : lines_of(machine_readable)) {
        if (key == "VMState")
            info.state = value;
        const auto port = persistent_port(key);
        if (!port)
            continue;
        if (value == "none")
            info.free_ports.push_back(*port);
        else if (auto disk = disk_at(*port, value))
            info.disks.push_back(std::move(*disk));
    }
    return info;
}

std::vector<std::string> values_of(std::string_view list, std::string_view key)
{
    std::vector<std::string> values;
    for (const std::string& line : split(list, '\n'))
        if (line.starts_with(key) && line.substr(key.size()).starts_with(':'))
            values.push_back(trim(line.substr(key.size() + 1)));
    return values;
}

} // namespace cpi::vbox
