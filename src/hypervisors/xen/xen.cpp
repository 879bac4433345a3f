#include "xen/xen.h"

#include "base/error.h"
#include "base/text.h"
#include "hypervisor/device_edit.h"
#include "hypervisor/lines.h"
#include "hypervisor/nic_xml.h"
#include "xen/xen_properties.h"
#include "xml/xml.h"

#include <libvirt/libvirt.h>

#include <array>

namespace cpi {

namespace {

using xml::Element;

constexpr std::array<std::string_view, 1> uri_drivers{"xen"};
constexpr std::array<std::string_view, 3> stemcell_formats{"openstack-raw", "openstack-qcow2", "general-tar"};
constexpr std::array<std::string_view, 1> domain_types{"xen"};
constexpr std::array<std::string_view, 2> disk_formats{"qcow2", "raw"};
constexpr std::array<std::string_view, 2> base_formats{"qcow2", "raw"};
constexpr OwnProperties own = own_properties<XenProperties>();

constexpr auto vm_honours =
    joined(honours_of(size_lines),
           std::array{honours(vm_property::firmware, "bios only"), honours(vm_property::autostart),
                      honours(vm_property::ephemeral_disk), honours(vm_property::root_disk),
                      honours(xen::virtualization), honours(disk_property::format),
                      honours(disk_property::preallocation), honours(disk_property::storage_pool)});

// libvirt's Xen driver takes most of these without a word and does nothing about them.
constexpr std::string_view unheeded = "libvirt's Xen driver does not heed it";
constexpr std::array vm_refusals{
    lacks(Family::machine, unheeded),
    lacks(vm_property::acceleration, "Xen itself runs the VM, see `virtualization`"),
    lacks(disk_property::encryption, "libvirt's Xen driver would write in clear"),
    lacks(Family::tuning, unheeded),
    lacks(Family::limit, unheeded),
};
constexpr std::array nic_refusals{
    lacks(Family::place, unheeded),
    lacks(nic_property::direct, "libvirt's Xen driver knows networks and bridges"),
    lacks(nic_property::direct_mode, "libvirt's Xen driver knows networks and bridges"),
    lacks(nic_property::openvswitch, "Xen's own script for it is not tested with the CPI"),
    lacks(Family::nic, unheeded),
    lacks(nic_property::model, "a guest's NIC is Xen's own"),
};
constexpr std::array method_notes{
    Note{"resize_disk", "of detached disks"},
    Note{"snapshot_disk", "while the VM pauses"},
};

/// The letters behind xvd: root a, ephemeral b, settings d, persistent disks from e on.
constexpr unsigned settings_position = 3;
constexpr unsigned first_position = 4;
constexpr unsigned positions = 26;

std::string target_name(std::string_view prefix, unsigned position)
{
    return concat(prefix, std::string(1, static_cast<char>('a' + position)));
}

/// How libvirt calls what it makes of a VM.
struct Kind {
    std::string_view machine;
    std::string_view type; // of <os>
};

Kind kind_of(Virtualization virtualization)
{
    switch (virtualization) {
    case Virtualization::pv: return {"xenpv", "linux"};
    case Virtualization::pvh: return {"xenpvh", "xenpvh"};
    case Virtualization::hvm: break;
    }
    return {"xenfv", "hvm"};
}

void add_os(const Element& domain, Virtualization virtualization)
{
    // It reads the boot loader's configuration and the kernel from the root disk.
    if (virtualization != Virtualization::hvm)
        domain.add("bootloader", "pygrub");
    const Kind kind = kind_of(virtualization);
    domain.add("os").add("type", kind.type).set("arch", "x86_64").set("machine", kind.machine);
    if (virtualization != Virtualization::hvm)
        return;
    const Element features = domain.add("features");
    features.add("acpi");
    features.add("apic");
}

struct Target {
    std::string name;
    std::string_view bus;
};

Target xen_target(unsigned position)
{
    return {target_name("xvd", position), "xen"};
}

Element fill_disk(const Element& disk, const DiskSpec& spec, const Target& target)
{
    disk.set("type", "file").set("device", "disk");
    disk.add("driver").set("name", "qemu").set("type", spec.format);
    disk.add("source").set("file", spec.file.native());
    disk.add("target").set("dev", target.name).set("bus", target.bus);
    if (!spec.serial.empty())
        disk.add("serial", spec.serial);
    return disk;
}

/// A VM's BIOS boots from an emulated disk. The guest's kernel takes all of them over as xvda, xvdb.
Target system_target(Virtualization virtualization, unsigned position)
{
    return virtualization == Virtualization::hvm ? Target{target_name("sd", position), "scsi"}
                                                 : xen_target(position);
}

void add_settings_medium(const Element& devices, const DomainSpec& spec)
{
    const Element disk = devices.add("disk").set("type", "file");
    if (own_of<XenProperties>(spec).virtualization == Virtualization::hvm) {
        disk.set("device", "cdrom").add("driver").set("name", "qemu").set("type", "raw");
        disk.add("source").set("file", spec.settings_medium.native());
        disk.add("target").set("dev", "hdc").set("bus", "ide");
    } else {
        // With a driver the disk would not come up, and a CD-ROM drive would not be there.
        const Target target = xen_target(settings_position);
        disk.set("device", "disk").add("source").set("file", spec.settings_medium.native());
        disk.add("target").set("dev", target.name).set("bus", target.bus);
    }
    disk.add("readonly");
}

void add_consoles(const Element& devices, const DomainSpec& spec)
{
    if (own_of<XenProperties>(spec).virtualization == Virtualization::hvm)
        devices.add("serial").set("type", "file").add("source").set("path", spec.console_log.native());
    devices.add("console").set("type", "pty").add("target").set("type", "xen").set("port", "0");
}

std::string domain_xml(const DomainSpec& spec, std::string_view domain_type)
{
    const xml::Document document{"domain"};
    const Element domain = document.root().set("type", domain_type);
    domain.add("name", spec.name);
    write_lines(domain, size_lines, spec);
    const Virtualization virtualization = own_of<XenProperties>(spec).virtualization;
    add_os(domain, virtualization);
    domain.add("on_poweroff", "destroy");
    domain.add("on_reboot", "restart");
    domain.add("on_crash", "destroy");
    const Element devices = domain.add("devices");
    fill_disk(devices.add("disk"), spec.root, system_target(virtualization, spec.root.position));
    if (spec.ephemeral)
        fill_disk(devices.add("disk"), *spec.ephemeral,
                  system_target(virtualization, spec.ephemeral->position));
    add_settings_medium(devices, spec);
    for (const Nic& nic : spec.nics)
        add_plain_nic(devices, nic);
    add_consoles(devices, spec);
    return document.to_text();
}

std::string disk_xml(const DiskSpec& spec)
{
    const xml::Document document{"disk"};
    fill_disk(document.root(), spec, xen_target(spec.position));
    return document.to_text();
}

std::set<unsigned> used_positions(std::string_view domain_xml, Bus /*bus*/)
{
    constexpr std::string_view prefix = "xvd";
    std::set<unsigned> used;
    for (const auto& [name, bus] : disk_targets(domain_xml))
        if (name.size() == prefix.size() + 1 && name.starts_with(prefix))
            used.insert(static_cast<unsigned>(name.back() - 'a'));
    return used;
}

unsigned free_position(const std::set<unsigned>& used, const DiskSpec& /*disk*/)
{
    return free_place(used, first_position, positions);
}

/// The serial number stays in libvirt: a guest knows its disks by their targets.
DiskHint hint_of_target(const DiskSpec& /*disk*/, const DiskTarget& target)
{
    return {.path = concat("/dev/", target.device)};
}

DiskHint hint(const DiskSpec& disk)
{
    return {.path = concat("/dev/", xen_target(disk.position).name)};
}

Bus system_bus(StorageController /*controller*/)
{
    return Bus::xen;
}

std::unique_ptr<Machines> control(const Ground& ground)
{
    return std::make_unique<LibvirtMachines>(ground, xen_machinery());
}

} // namespace

const Machinery& xen_machinery() noexcept
{
    static constexpr Machinery machinery{
        .domain_types = domain_types,
        .undefine_flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE,
        .log_folder = "/var/log/libvirt/libxl",
        .domain_xml = &domain_xml,
        .disk_xml = &disk_xml,
        .used_positions = &used_positions,
        .free_position = &free_position,
        .hint = &hint_of_target,
        .notices_missing_images = false,
        .resizes_disks_in_use = false,
        .copies_disks_in_use = CopyInUse::while_suspended,
    };
    return machinery;
}

const Hypervisor& xen_row() noexcept
{
    static constexpr Hypervisor row{
        .name = "xen",
        .default_uri = "xen:///",
        .uri_drivers = uri_drivers,
        .stemcell_formats = stemcell_formats,
        .control = &control,
        .boots_uefi = false,
        .method_notes = method_notes,
        .of_vms = {vm_honours, vm_refusals},
        .of_nics = {plain_nic_lines, nic_refusals},
        .own = &own,
        .disk_formats = disk_formats,
        .ephemeral_format = "raw",
        .base_formats = base_formats,
        .system_bus = &system_bus,
        .persistent_bus = Bus::xen,
        .hint = &hint,
    };
    return row;
}

} // namespace cpi
