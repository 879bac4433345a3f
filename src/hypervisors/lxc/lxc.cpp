#include "lxc/lxc.h"

#include "base/text.h"
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

constexpr std::string_view no_image = "a container's root is a folder, and its disks are plain files";
constexpr std::string_view no_tuning = "the host's kernel does the input and output of containers";
constexpr std::array vm_limits{
    Limit{"root_disk", Limit::Kind::ignored, "a container's root has the room of store_dir"},
    Limit{"firmware", Limit::Kind::ignored, "a container has none"},
    Limit{"acceleration", Limit::Kind::ignored, "a container runs on the host's kernel"},
    Limit{"autostart", Limit::Kind::differs, "with a hook"},
    Limit{"virtualization", Limit::Kind::ignored, "it is for Xen"},
    Limit{"graphics", Limit::Kind::refused, "a container has no screen"},
    Limit{"paravirt_provider", Limit::Kind::ignored, "it is VirtualBox's"},
    Limit{"nested_paging", Limit::Kind::ignored, "it is VirtualBox's"},
    Limit{"encryption", Limit::Kind::refused, no_image},
    Limit{"storage_pool", Limit::Kind::refused, no_image},
    Limit{"preallocation", Limit::Kind::ignored, no_image},
    Limit{"cache", Limit::Kind::ignored, no_tuning},
    Limit{"io", Limit::Kind::ignored, no_tuning},
    Limit{"discard", Limit::Kind::ignored, no_tuning},
    Limit{"iops", Limit::Kind::refused, no_tuning},
    Limit{"read_iops", Limit::Kind::refused, no_tuning},
    Limit{"write_iops", Limit::Kind::refused, no_tuning},
    Limit{"bandwidth", Limit::Kind::refused, no_tuning},
    Limit{"read_bandwidth", Limit::Kind::refused, no_tuning},
    Limit{"write_bandwidth", Limit::Kind::refused, no_tuning},
};
constexpr std::array nic_limits{
    Limit{"model", Limit::Kind::ignored, "a container's NIC is no hardware"},
    Limit{"type", Limit::Kind::refused, "it is VirtualBox's"},
    Limit{"mtu", Limit::Kind::refused, "libvirt's lxc driver does not set it"},
};
constexpr std::array method_limits{
    Limit{"resize_disk", Limit::Kind::differs, "of detached disks"},
    Limit{"snapshot_disk", Limit::Kind::differs, "while writers wait"},
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
    constexpr unsigned period = 100'000; // of the scheduler, in microseconds
    const xml::Document document{"domain"};
    const Element domain = document.root().set("type", domain_type);
    domain.add("name", spec.name);
    domain.add("memory", std::to_string(spec.memory.count)).set("unit", "MiB");
    domain.add("vcpu", std::to_string(spec.cpus));
    const Element cpu = domain.add("cputune");
    cpu.add("period", std::to_string(period));
    cpu.add("quota", std::to_string(period * spec.cpus));
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
        .method_limits = method_limits,
        .vm_limits = vm_limits,
        .nic_limits = nic_limits,
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
