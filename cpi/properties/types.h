#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "cpi/config/config.h"
#include "cpi/properties/network_types.h"
#include "hypervisor/domain_spec.h"
#include "json/codec.h"
#include "stemcell/stemcells.h"
#include "volumes/image.h"
#include "volumes/tree.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// The contract's values as they arrive, and how each is read.
namespace cpi {

enum class DiskFormat { qcow2, raw, vdi };
enum class Encryption { none, luks };

[[nodiscard]] constexpr std::string_view word_of(DiskFormat format) noexcept
{
    switch (format) {
    case DiskFormat::qcow2: return "qcow2";
    case DiskFormat::raw: return "raw";
    case DiskFormat::vdi: break;
    }
    return "vdi";
}

/// What can be said of any disk, in disk_types as in vm_types.
struct DiskOptions : DiskTuning {
    std::optional<DiskFormat> format;
    Preallocation preallocation = Preallocation::off;
    Encryption encryption = Encryption::none;
    std::string storage_pool;
    std::vector<std::string> given_keys;
    std::vector<std::string> unknown_keys;
};

/// The words in which an argument is refused, whether it is wrong by itself or does not fit what there is.
/// `details` begins with its place, as "arguments[2].memory: ".
[[nodiscard]] Error wrong_argument(std::string_view details, ErrorKind kind = ErrorKind::invalid_call);

/// Fails for options that contradict each other.
void check_members(const DiskOptions& options, const json::Place& place);

/// Of disk_types.
struct DiskFields : DiskOptions {
    std::string name; // of a dynamic disk, for people
};

/// A disk's properties: what we read of them, and all of them as they came, to be kept with the disk.
struct DiskProperties {
    DiskFields fields;
    json::VerbatimObject verbatim;
};

/// Of vm_types, vm_extensions and azs, merged by the Director. The options are those of the VM's own disks.
struct VmProperties : DiskOptions {
    json::Ranged<1, 1024> cpus{1};
    json::Ranged<16, std::int64_t{1} << 30U> memory{1024};
    Mebibytes ephemeral_disk{8192};
    std::optional<json::Ranged<1, std::int64_t{1} << 30U>> root_disk;
    std::optional<Firmware> firmware;
    std::optional<Acceleration> acceleration;
    std::optional<bool> autostart;
    tree::Layering root_filesystem = tree::Layering::overlay;
    Virtualization virtualization = Virtualization::hvm;
    Graphics graphics = Graphics::none;
    Paravirtualization paravirt_provider = Paravirtualization::kvm;
    bool nested_paging = true;
};

/// Key-value pairs for people. The Director's values are strings, the operator's tags may be any scalar.
using Tags = std::map<std::string, std::string>;
struct TagValue {
    std::string text;
};

/// What API version 3 adds to create_stemcell.
struct StemcellExtras {
    std::map<std::string, TagValue> tags;
};

/// The same as a JSON object of strings.
[[nodiscard]] json::VerbatimObject tags_object(const std::map<std::string, TagValue>& tags);

using DiskSize = json::Ranged<1, std::int64_t{1} << 30U>;

/// What a VM needs, in the Director's words (`vm_resources`).
struct VmResources {
    json::Ranged<1, 1024> cpu;
    json::Ranged<1, std::int64_t{1} << 30U> ram;
    Mebibytes ephemeral_disk_size;
};

namespace json {

template <>
inline constexpr std::array names<DiskFormat>{
    NamedValue<DiskFormat>{word_of(DiskFormat::qcow2), DiskFormat::qcow2},
    NamedValue<DiskFormat>{word_of(DiskFormat::raw), DiskFormat::raw},
    NamedValue<DiskFormat>{word_of(DiskFormat::vdi), DiskFormat::vdi},
};

template <>
inline constexpr std::array names<Encryption>{
    NamedValue<Encryption>{"none", Encryption::none},
    NamedValue<Encryption>{"luks", Encryption::luks},
};

template <>
inline constexpr std::array names<Preallocation>{
    NamedValue<Preallocation>{word_of(Preallocation::off), Preallocation::off},
    NamedValue<Preallocation>{word_of(Preallocation::metadata), Preallocation::metadata},
    NamedValue<Preallocation>{word_of(Preallocation::falloc), Preallocation::falloc},
    NamedValue<Preallocation>{word_of(Preallocation::full), Preallocation::full},
};

template <>
inline constexpr std::array names<tree::Layering>{
    NamedValue<tree::Layering>{word_of(tree::Layering::overlay), tree::Layering::overlay},
    NamedValue<tree::Layering>{word_of(tree::Layering::copy), tree::Layering::copy},
};

template <>
inline constexpr std::array names<Virtualization>{
    NamedValue<Virtualization>{"hvm", Virtualization::hvm},
    NamedValue<Virtualization>{"pvh", Virtualization::pvh},
    NamedValue<Virtualization>{"pv", Virtualization::pv},
};

template <>
inline constexpr std::array names<Graphics>{
    NamedValue<Graphics>{"none", Graphics::none},
    NamedValue<Graphics>{"rdp", Graphics::rdp},
};

template <>
inline constexpr std::array names<Paravirtualization>{
    NamedValue<Paravirtualization>{word_of(Paravirtualization::none), Paravirtualization::none},
    NamedValue<Paravirtualization>{word_of(Paravirtualization::standard), Paravirtualization::standard},
    NamedValue<Paravirtualization>{word_of(Paravirtualization::legacy), Paravirtualization::legacy},
    NamedValue<Paravirtualization>{word_of(Paravirtualization::minimal), Paravirtualization::minimal},
    NamedValue<Paravirtualization>{word_of(Paravirtualization::hyperv), Paravirtualization::hyperv},
    NamedValue<Paravirtualization>{word_of(Paravirtualization::kvm), Paravirtualization::kvm},
};

template <>
inline constexpr std::array names<Cache>{
    NamedValue<Cache>{word_of(Cache::none), Cache::none},
    NamedValue<Cache>{word_of(Cache::writeback), Cache::writeback},
    NamedValue<Cache>{word_of(Cache::writethrough), Cache::writethrough},
    NamedValue<Cache>{word_of(Cache::directsync), Cache::directsync},
    NamedValue<Cache>{word_of(Cache::unsafe), Cache::unsafe},
};

template <>
inline constexpr std::array names<Io>{
    NamedValue<Io>{word_of(Io::threads), Io::threads},
    NamedValue<Io>{word_of(Io::native), Io::native},
    NamedValue<Io>{word_of(Io::io_uring), Io::io_uring},
};

template <>
inline constexpr std::array names<Discard>{
    NamedValue<Discard>{word_of(Discard::unmap), Discard::unmap},
    NamedValue<Discard>{word_of(Discard::ignore), Discard::ignore},
};

template <>
inline constexpr std::tuple fields<DiskOptions>{
    optional("format", &DiskOptions::format, "qcow2 or raw; vdi on VirtualBox"),
    optional("preallocation", &DiskOptions::preallocation,
             "off, metadata, falloc or full; off when left out"),
    optional("encryption", &DiskOptions::encryption, "none or luks; none when left out"),
    optional("storage_pool", &DiskOptions::storage_pool,
             "libvirt storage pool of directories that holds the image; store_dir when left out"),
    optional("cache", &DiskOptions::cache,
             "none, writeback, writethrough, directsync or unsafe; QEMU's own choice when left out"),
    optional("io", &DiskOptions::io, "threads, native or io_uring; QEMU's own choice when left out"),
    optional("discard", &DiskOptions::discard, "unmap or ignore; unmap when left out"),
    optional("iops", &DiskOptions::iops, "operations a second, reads and writes together"),
    optional("read_iops", &DiskOptions::read_iops, "reads a second"),
    optional("write_iops", &DiskOptions::write_iops, "writes a second"),
    optional("bandwidth", &DiskOptions::bandwidth, "KiB a second, read and written together"),
    optional("read_bandwidth", &DiskOptions::read_bandwidth, "KiB read a second"),
    optional("write_bandwidth", &DiskOptions::write_bandwidth, "KiB written a second"),
};

template <>
inline constexpr auto fields<DiskFields> =
    std::tuple_cat(std::tuple{optional("name", &DiskFields::name, "for people")}, fields<DiskOptions>);

template <>
inline constexpr auto fields<VmProperties> = std::tuple_cat(
    std::tuple{
        optional("cpus", &VmProperties::cpus, "virtual CPUs; 1 when left out"),
        optional("memory", &VmProperties::memory, "MiB of memory; 1024 when left out"),
        optional("ephemeral_disk", &VmProperties::ephemeral_disk,
                 "MiB of the disk for /var/vcap/data; 8192 when left out, 0 for none"),
        optional("root_disk", &VmProperties::root_disk, "MiB of the root disk; the stemcell's when left out"),
        optional("firmware", &VmProperties::firmware, "bios or uefi; what the stemcell needs when left out"),
        optional("acceleration", &VmProperties::acceleration,
                 "auto, kvm or emulation; the configuration's when left out"),
        optional("autostart", &VmProperties::autostart,
                 "the VM starts with the host; the configuration's when left out"),
        optional("root_filesystem", &VmProperties::root_filesystem,
                 "of containers: overlay or copy; overlay when left out"),
        optional("virtualization", &VmProperties::virtualization,
                 "of Xen: hvm, pvh or pv; hvm when left out"),
        optional("graphics", &VmProperties::graphics,
                 "of VirtualBox: rdp shows the VM's screen to the host; none when left out"),
        optional("paravirt_provider", &VmProperties::paravirt_provider,
                 "of VirtualBox: none, default, legacy, minimal, hyperv or kvm; kvm when left out"),
        optional("nested_paging", &VmProperties::nested_paging,
                 "of VirtualBox: false where the host's processor has none; true when left out"),
    },
    fields<DiskOptions>);

template <>
inline constexpr std::tuple fields<StemcellExtras>{optional("tags", &StemcellExtras::tags)};

template <>
inline constexpr std::tuple fields<VmResources>{
    required("cpu", &VmResources::cpu),
    required("ram", &VmResources::ram),
    required("ephemeral_disk_size", &VmResources::ephemeral_disk_size),
};

template <class Tag>
struct Codec<Id<Tag>> {
    static Id<Tag> read(const Place& place)
    {
        const std::string text = place.string();
        try {
            return Id<Tag>{text};
        } catch (Error& error) {
            error.add_context(place.path());
            throw;
        }
    }
    static std::string expected() { return std::string{Tag::noun}; }
};

template <>
struct Codec<TagValue> {
    static TagValue read(const Place& place);
    static std::string expected() { return "a string, number or boolean"; }
};

template <>
struct Codec<DiskProperties> {
    static DiskProperties read(const Place& place);
    static std::string expected() { return "an object"; }
};

} // namespace json

} // namespace cpi
