#include "qemu/qemu.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "hypervisor/device_edit.h"
#include "hypervisor/lines.h"
#include "hypervisor/nic_xml.h"
#include "xml/xml.h"

#include <libvirt/libvirt.h>

#include <algorithm>
#include <array>
#include <utility>

namespace cpi {

namespace {

using xml::Element;

constexpr std::array<std::string_view, 1> uri_drivers{"qemu"};
constexpr std::array<std::string_view, 5> stemcell_formats{"openstack-qcow2", "openstack-raw", "vsphere-ovf",
                                                           "vsphere-ova", "general-tar"};
constexpr std::array<std::string_view, 2> domain_types{"kvm", "qemu"};
constexpr std::array<std::string_view, 2> disk_formats{"qcow2", "raw"};
constexpr std::array<std::string_view, 2> base_formats{"qcow2", "raw"};

struct BusWords {
    std::string_view name;
    std::string_view device_prefix; // of target names
    std::string_view link_prefix;   // of the guest's /dev/disk/by-id
};

BusWords words_of(Bus bus)
{
    switch (bus) {
    case Bus::virtio: return {"virtio", "vd", "virtio-"};
    case Bus::scsi: return {"scsi", "sd", "scsi-0QEMU_QEMU_HARDDISK_"};
    case Bus::sata: return {"sata", "sd", "ata-QEMU_HARDDISK_"};
    case Bus::ide:
    case Bus::xen: break;
    }
    return {"ide", "hd", "ata-QEMU_HARDDISK_"};
}

/// vda, vdb, … vdz, vdaa, …
std::string target_name(std::string_view prefix, unsigned index)
{
    std::string letters;
    for (unsigned rest = index + 1; rest > 0; rest = (rest - 1) / 26)
        letters.insert(letters.begin(), static_cast<char>('a' + (rest - 1) % 26));
    return concat(prefix, letters);
}

/// Names must differ within a VM: scsi disks begin behind the names that sata disks can have.
constexpr unsigned first_scsi = 26;

unsigned target_index(const DiskSpec& disk)
{
    return disk.bus == Bus::scsi ? first_scsi + disk.position : disk.position;
}

Element add_file_disk(const Element& parent, std::string_view device, const Path& file,
                      std::string_view format)
{
    const Element disk = parent.add("disk").set("type", "file").set("device", device);
    disk.add("driver").set("name", "qemu").set("type", format);
    disk.add("source").set("file", file.native());
    return disk;
}

void add_cache(const Element& disk, const DiskSpec& spec)
{
    const Element driver = *disk.child("driver");
    if (spec.tuning.cache)
        driver.set("cache", json::as_word(*spec.tuning.cache));
    else if (spec.tuning.io == Io::native)
        driver.set("cache",
                   json::as_word(Cache::none)); // QEMU takes it with the page cache out of the way only
}

template <const auto& property>
std::string bytes_of(const DiskSpec& spec)
{
    constexpr std::uint64_t kibibyte = 1024;
    return json::as_word(RateLimit{(spec.tuning.*property.member).value * kibibyte});
}

constexpr std::array disk_lines{
    line<DiskSpec, disk_property::cache>(&add_cache),
    line<DiskSpec, disk_property::io>("driver/@io"),
    line<DiskSpec, disk_property::discard>("driver/@discard"),
    line<DiskSpec, disk_property::bandwidth>("iotune/total_bytes_sec", &bytes_of<disk_property::bandwidth>),
    line<DiskSpec, disk_property::read_bandwidth>("iotune/read_bytes_sec",
                                                  &bytes_of<disk_property::read_bandwidth>),
    line<DiskSpec, disk_property::write_bandwidth>("iotune/write_bytes_sec",
                                                   &bytes_of<disk_property::write_bandwidth>),
    line<DiskSpec, disk_property::iops>("iotune/total_iops_sec"),
    line<DiskSpec, disk_property::read_iops>("iotune/read_iops_sec"),
    line<DiskSpec, disk_property::write_iops>("iotune/write_iops_sec"),
};

/// The base has names in the folders of all VMs of its stemcell. libvirt would give it to QEMU's user, and
/// what is another's the CPI's user cannot give one more name.
void add_base(const Element& disk, const BaseImage& base)
{
    const Element store = disk.add("backingStore").set("type", "file");
    store.add("format").set("type", base.format);
    store.add("source")
        .set("file", base.file.native())
        .add("seclabel")
        .set("model", "dac")
        .set("relabel", "no");
    store.add("backingStore"); // it is the last
}

Element fill_disk(const Element& disk, const DiskSpec& spec)
{
    const BusWords words = words_of(spec.bus);
    disk.set("type", "file").set("device", "disk");
    disk.add("driver").set("name", "qemu").set("type", spec.format);
    const Element source = disk.add("source").set("file", spec.file.native());
    if (!spec.secret.empty())
        add_encryption(source, spec.secret);
    if (spec.base && spec.base->is_stemcells)
        add_base(disk, *spec.base);
    disk.add("target")
        .set("dev", target_name(words.device_prefix, target_index(spec)))
        .set("bus", words.name);
    write_lines(disk, disk_lines, spec);
    if (!spec.serial.empty())
        disk.add("serial", spec.serial);
    // Each scsi disk is a target of its own at a place that follows from nothing but its number, so that it
    // is found there again after a restart, whatever else came and went.
    if (spec.bus == Bus::scsi)
        disk.add("address")
            .set("type", "drive")
            .set("controller", "0")
            .set("bus", "0")
            .set("target", std::to_string(spec.position))
            .set("unit", "0");
    return disk;
}

void add_os(const Element& domain, const DomainSpec& spec)
{
    // Only the older machine has IDE.
    domain.add("os")
        .add("type", "hvm")
        .set("arch", "x86_64")
        .set("machine", spec.root.bus == Bus::ide ? "pc" : "q35");
}

void add_firmware(const Element& domain, const DomainSpec& spec)
{
    if (spec.firmware == Firmware::bios)
        return;
    const Element os = domain.child("os")->set("firmware", "efi");
    os.add("firmware").add("feature").set("enabled", "no").set("name", "secure-boot");
}

constexpr std::array vm_lines{line<DomainSpec, vm_property::firmware>(&add_firmware)};

void add_cpu_and_clock(const Element& domain, std::string_view domain_type)
{
    const Element features = domain.add("features");
    features.add("acpi");
    features.add("apic");
    if (domain_type == "kvm")
        domain.add("cpu").set("mode", "host-passthrough").set("check", "none");
    else
        domain.add("cpu").set("mode", "maximum").set("check", "none");
    const Element clock = domain.add("clock").set("offset", "utc");
    clock.add("timer").set("name", "rtc").set("tickpolicy", "catchup");
    clock.add("timer").set("name", "pit").set("tickpolicy", "delay");
    clock.add("timer").set("name", "hpet").set("present", "no");
}

void add_settings_medium(const Element& devices, const DomainSpec& spec)
{
    // The drive comes behind the VM's own disks, where those share its bus.
    const Bus bus = spec.root.bus == Bus::ide ? Bus::ide : Bus::sata;
    const unsigned position = spec.root.bus == bus ? 2 : 0;
    const Element cdrom = add_file_disk(devices, "cdrom", spec.settings_medium, "raw");
    const BusWords words = words_of(bus);
    cdrom.add("target").set("dev", target_name(words.device_prefix, position)).set("bus", words.name);
    cdrom.add("readonly");
}

void add_disks(const Element& devices, const DomainSpec& spec)
{
    devices.add("controller").set("type", "scsi").set("index", "0").set("model", "virtio-scsi");
    fill_disk(devices.add("disk"), spec.root).add("boot").set("order", "1");
    if (spec.ephemeral)
        fill_disk(devices.add("disk"), *spec.ephemeral);
    add_settings_medium(devices, spec);
}

void add_consoles(const Element& devices, const DomainSpec& spec)
{
    const Element serial = devices.add("serial").set("type", "pty");
    serial.add("log").set("file", spec.console_log.native()).set("append", "on");
    serial.add("target").set("port", "0");
    devices.add("console").set("type", "pty").add("target").set("type", "serial").set("port", "0");
    devices.add("channel")
        .set("type", "unix")
        .add("target")
        .set("type", "virtio")
        .set("name", "org.qemu.guest_agent.0");
    devices.add("rng").set("model", "virtio").add("backend", "/dev/urandom").set("model", "random");
    devices.add("memballoon").set("model", "virtio");
}

Bus system_bus(StorageController controller)
{
    switch (controller) {
    case StorageController::ide: return Bus::ide;
    case StorageController::scsi: return Bus::scsi;
    case StorageController::sata: return Bus::sata;
    case StorageController::virtio: break;
    }
    return Bus::virtio;
}

Bus strict_bus(StorageController controller)
{
    const Bus bus = system_bus(controller);
    return bus == Bus::virtio ? Bus::scsi : bus; // which is virtio too, and has room
}

std::string domain_xml(const DomainSpec& spec, std::string_view domain_type)
{
    const xml::Document document{"domain"};
    const Element domain = document.root().set("type", domain_type);
    domain.add("name", spec.name);
    write_lines(domain, size_lines, spec);
    add_os(domain, spec);
    write_lines(domain, vm_lines, spec);
    add_cpu_and_clock(domain, domain_type);
    const Element devices = domain.add("devices");
    add_disks(devices, spec);
    for (const Nic& nic : spec.nics)
        add_nic(devices, nic);
    add_consoles(devices, spec);
    return document.to_text();
}

std::string disk_xml(const DiskSpec& spec)
{
    const xml::Document document{"disk"};
    fill_disk(document.root(), spec);
    return document.to_text();
}

/// Persistent disks' ids leave out what all of them begin with: a virtio serial number is cut at 20 bytes.
DiskHint hint(const DiskSpec& disk)
{
    const std::string_view serial = disk.serial;
    return {.path = concat("/dev/disk/by-id/", words_of(disk.bus).link_prefix, serial),
            .id =
                std::string{serial.substr(serial.starts_with(DiskTag::prefix) ? DiskTag::prefix.size() : 0)}};
}

/// By its serial number the disk is found wherever on its bus it is.
DiskHint hint_of_target(const DiskSpec& disk, const DiskTarget& target)
{
    constexpr std::array buses{Bus::virtio, Bus::scsi, Bus::sata, Bus::ide};
    const auto* const bus = std::ranges::find(buses, target.bus, [](Bus one) { return words_of(one).name; });
    DiskSpec there = disk;
    if (bus != buses.end())
        there.bus = *bus;
    return hint(there);
}

/// A VM's own disks and the drive have the first ones of IDE and SATA.
constexpr unsigned first_place = 3;
constexpr unsigned ide_places = 4;

std::set<unsigned> used_positions(std::string_view domain_xml, Bus bus)
{
    if (bus == Bus::scsi)
        return used_scsi_targets(domain_xml);
    std::set<unsigned> used;
    for (const auto& target : disk_targets(domain_xml))
        if (target.bus == words_of(bus).name)
            used.insert(static_cast<unsigned>(target.device.back() - 'a'));
    return used;
}

unsigned free_position(const std::set<unsigned>& used, const DiskSpec& disk)
{
    if (disk.bus == Bus::scsi)
        return free_scsi_target(used, disk.serial);
    return free_place(used, first_place, disk.bus == Bus::ide ? ide_places : first_scsi);
}

constexpr auto vm_honours =
    joined(honours_of(size_lines), honours_of(vm_lines), honours_of(disk_lines),
           std::array{honours(vm_property::acceleration), // the domain's type
                      honours(vm_property::autostart), honours(vm_property::ephemeral_disk),
                      honours(vm_property::root_disk), honours(disk_property::format),
                      honours(disk_property::preallocation), honours(disk_property::encryption),
                      honours(disk_property::storage_pool)});
constexpr auto nic_honours =
    joined(nic_lines, std::array{honours(nic_property::mtu), honours(nic_property::model)});

std::unique_ptr<Machines> control(const Ground& ground)
{
    return std::make_unique<LibvirtMachines>(ground, qemu_machinery());
}

} // namespace

const Machinery& qemu_machinery() noexcept
{
    static constexpr Machinery machinery{
        .domain_types = domain_types,
        .undefine_flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                          VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM,
        .log_folder = "/var/log/libvirt/qemu",
        .domain_xml = &domain_xml,
        .disk_xml = &disk_xml,
        .used_positions = &used_positions,
        .free_position = &free_position,
        .hint = &hint_of_target,
    };
    return machinery;
}

const Hypervisor& qemu_row() noexcept
{
    static constexpr Hypervisor row{
        .name = "qemu",
        .default_uri = "qemu:///system",
        .uri_drivers = uri_drivers,
        .stemcell_formats = stemcell_formats,
        .control = &control,
        .has_profiles = true,
        .of_vms = {vm_honours, {}},
        .of_nics = {nic_honours, {}},
        .disk_formats = disk_formats,
        .ephemeral_format = "raw",
        .base_formats = base_formats,
        .system_bus = &system_bus,
        .persistent_bus = Bus::scsi,
        .strict_bus = &strict_bus,
        .hint = &hint,
    };
    return row;
}

} // namespace cpi
