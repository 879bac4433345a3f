#pragma once

#include "base/ids.h"
#include "cpi/config.h"
#include "cpi/network_types.h"
#include "hypervisor/domain_spec.h"
#include "json/codec.h"
#include "stemcell/stemcells.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// The contract's values as they arrive, and how each is read.
namespace cpi {

/// Of vm_types, vm_extensions and azs, merged by the Director.
struct VmProperties {
    json::Ranged<1, 1024> cpus{1};
    json::Ranged<16, std::int64_t{1} << 30U> memory{1024};
    Mebibytes ephemeral_disk{8192};
    std::optional<json::Ranged<1, std::int64_t{1} << 30U>> root_disk;
    std::optional<Firmware> firmware;
    std::optional<Acceleration> acceleration;
    std::vector<std::string> unknown_keys;
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

struct DiskProperties {
    json::VerbatimObject verbatim; // kept with the disk; none has a meaning yet
};

using DiskSize = json::Ranged<1, std::int64_t{1} << 30U>;

/// What a VM needs, in the Director's words (`vm_resources`).
struct VmResources {
    json::Ranged<1, 1024> cpu;
    json::Ranged<1, std::int64_t{1} << 30U> ram;
    Mebibytes ephemeral_disk_size;
};

namespace json {

template <>
inline constexpr std::tuple fields<VmProperties>{
    optional("cpus", &VmProperties::cpus, "virtual CPUs; 1 when left out"),
    optional("memory", &VmProperties::memory, "MiB of memory; 1024 when left out"),
    optional("ephemeral_disk", &VmProperties::ephemeral_disk,
             "MiB of the disk for /var/vcap/data; 8192 when left out, 0 for none"),
    optional("root_disk", &VmProperties::root_disk, "MiB of the root disk; the stemcell's when left out"),
    optional("firmware", &VmProperties::firmware, "bios or uefi; what the stemcell needs when left out"),
    optional("acceleration", &VmProperties::acceleration,
             "auto, kvm or emulation; the configuration's when left out"),
};

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
