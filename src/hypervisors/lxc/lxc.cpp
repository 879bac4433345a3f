#include "lxc/lxc.h"

#include "base/text.h"
#include "hypervisor/lines.h"
#include "hypervisor/nic_xml.h"
#include "lxc/container.h"
#include "lxc/container_mounts.h"
#include "lxc/lxc_machines.h"
#include "xml/xml.h"

#include <array>

namespace cpi {

namespace {

using xml::Element;

constexpr std::array<std::string_view, 1> uri_drivers{"lxc"};
constexpr std::array<std::string_view, 2> stemcell_formats{"warden-tar", "general-tar"};
constexpr std::array<std::string_view, 1> domain_types{"lxc"};
constexpr std::array<std::string_view, 1> disk_formats{"raw"};

constexpr auto vm_honours =
    joined(honours_of(size_lines),
           std::array{honours(vm_property::autostart, "with a hook"), honours(vm_property::ephemeral_disk),
                      honours(vm_property::root_filesystem), honours(disk_property::format)});
constexpr std::string_view no_tuning = "the host's kernel does the input and output of containers";
constexpr std::array vm_refusals{
    lacks(Family::machine, "a container has no hardware"),
    lacks(vm_property::root_disk, "a container's root has the room of store_dir"),
    lacks(vm_property::acceleration, "a container runs on the host's kernel"),
    lacks(Family::image, "a container's root is a folder, and its disks are plain files"),
    lacks(Family::tuning, no_tuning),
    lacks(Family::limit, no_tuning),
};
constexpr std::array nic_refusals{
    lacks(Family::nic, "a container's NIC is no hardware"),
    lacks(nic_property::mtu, "libvirt's lxc driver does not set it"),
};
constexpr std::array method_notes{
    Note{"resize_disk", "of detached disks"},
    Note{"snapshot_disk", "while writers wait"},
};

void add_ids(const Element& domain, const IdMap& ids)
{
    const Element map = domain.add("idmap");
    for (const auto* kind : {"uid", "gid"})
        map.add(kind)
            .set("start", "0")
            .set("target", std::to_string(ids.first.value))
            .set("count", std::to_string(ids.count.value));
}

void add_folders(const Element& devices, const DomainSpec& spec)
{
    const VmCid vm{spec.name};
    container::add_folder(devices, spec.root.file, "/");
    if (spec.ephemeral)
        container::add_folder(devices, container_mounts::ephemeral_of(vm), "/var/vcap/data");
    container::add_folder(devices, container_mounts::places_of(vm), container::disks_folder);
}

void add_address(const Element& interface, const NicAddress& address)
{
    const bool is_ipv6 = address.ip.find(':') != std::string::npos;
    const std::string_view family = is_ipv6 ? "ipv6" : "ipv4";
    interface.add("ip")
        .set("family", family)
        .set("address", address.ip)
        .set("prefix", std::to_string(address.prefix));
    if (!address.gateway.empty())
        interface.add("route")
            .set("family", family)
            .set("address", is_ipv6 ? "::" : "0.0.0.0")
            .set("prefix", "0")
            .set("gateway", address.gateway);
}

/// "cpi-a1b2c3d4" of a MAC address that ends so.
std::string host_end_of(std::string mac)
{
    constexpr std::size_t digits = 8;
    std::erase(mac, ':');
    return concat("cpi-", mac.substr(mac.size() - digits));
}

void add_nics(const Element& devices, const std::vector<Nic>& nics)
{
    unsigned number = 0;
    for (const Nic& nic : nics) {
        const Element interface = add_nic(devices, nic);
        for (const NicAddress& address : nic.settled)
            add_address(interface, address);
        interface.add("guest").set("dev", concat("eth", number++));
        interface.add("link").set("state", "up");
        // libvirt binds filters by the name of the host's end, and knows none unless it is given.
        if (!nic.filter.empty())
            interface.add("target").set("dev", host_end_of(nic.mac));
    }
}

std::string domain_xml(const DomainSpec& spec, std::string_view domain_type)
{
    constexpr std::int64_t period = 100'000; // of the scheduler, in microseconds
    const xml::Document document{"domain"};
    const Element domain = document.root().set("type", domain_type);
    domain.add("name", spec.name);
    write_lines(domain, size_lines, spec);
    const Element cpu = domain.add("cputune");
    cpu.add("period", std::to_string(period));
    cpu.add("quota", std::to_string(period * spec.hardware.cpus.value));
    const Element os = domain.add("os");
    os.add("type", "exe");
    os.add("init", spec.init);
    if (spec.ids)
        add_ids(domain, *spec.ids);
    // Without a network of its own a container would have the host's.
    domain.add("features").add("privnet");
    const Element devices = domain.add("devices");
    add_folders(devices, spec);
    add_nics(devices, spec.nics);
    devices.add("console").set("type", "pty");
    return document.to_text();
}

DiskHint hint(const DiskSpec& /*disk*/)
{
    return {.path = "/var/vcap/data"};
}

constexpr Machinery machinery{
    .domain_types = domain_types,
    .undefine_flags = 0,
    .log_folder = "/var/log/libvirt/lxc",
    .domain_xml = &domain_xml,
};

std::unique_ptr<Machines> control(const Ground& ground)
{
    return std::make_unique<LxcMachines>(ground, machinery);
}

Bus system_bus(StorageController /*controller*/)
{
    return Bus::scsi; // there is none: its disks are file systems
}

} // namespace

const Machinery& lxc_machinery() noexcept
{
    return machinery;
}

const Hypervisor& lxc_row() noexcept
{
    static constexpr Hypervisor row{
        .name = "lxc",
        .default_uri = "lxc:///",
        .uri_drivers = uri_drivers,
        .stemcell_formats = stemcell_formats,
        .control = &control,
        .has_profiles = true,
        .root = Root::tree,
        .nics_are_set_by = NicsAreSetBy::hypervisor,
        .method_notes = method_notes,
        .of_vms = {vm_honours, vm_refusals},
        .of_nics = {nic_lines, nic_refusals},
        .disk_formats = disk_formats,
        .ephemeral_format = "raw",
        .base_formats = {},
        .system_bus = &system_bus,
        .disks_hold_file_systems = true,
        .hint = &hint,
    };
    return row;
}

} // namespace cpi
