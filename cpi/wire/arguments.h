#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "cpi/properties/vm_properties.h"
#include "cpi/wire/networks.h"
#include "json/codec.h"

#include <map>
#include <string>

/// The contract's values as they arrive, and how each is read.
namespace cpi {

/// The words in which an argument is refused, whether it is wrong by itself or does not fit what there is.
/// `details` begins with its place, as "arguments[2].memory: ".
[[nodiscard]] Error wrong_argument(std::string_view details, ErrorKind kind = ErrorKind::invalid_call);

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

} // namespace json

} // namespace cpi
