#pragma once

#include "properties/disks.h"
#include "properties/hardware.h"
#include "volumes/tree.h"

/// What can be asked of a VM in vm_types, vm_extensions and azs, which the Director merges.
namespace cpi {

/// Whatever the hypervisor is. The disk options are those of the VM's own disks.
struct VmCommon : Hardware, DiskOptions {
    Mebibytes ephemeral_disk{8192};
    std::optional<json::Ranged<1, std::int64_t{1} << 30U>> root_disk;
    std::optional<Firmware> firmware;
    std::optional<Acceleration> acceleration;
    std::optional<bool> autostart;
    tree::Layering root_filesystem = tree::Layering::overlay;
};

namespace json {

template <>
inline constexpr std::array names<tree::Layering>{
    NamedValue<tree::Layering>{word_of(tree::Layering::overlay), tree::Layering::overlay},
    NamedValue<tree::Layering>{word_of(tree::Layering::copy), tree::Layering::copy},
};

} // namespace json

namespace vm_property {

inline constexpr auto ephemeral_disk = property("ephemeral_disk", &VmCommon::ephemeral_disk,
                                                "MiB of the disk for /var/vcap/data; 0 for none. Make it "
                                                "more than twice the memory. vsphere stemcells need "
                                                "one",
                                                {.family = Family::machine, .example = "0"});
inline constexpr auto root_disk = property(
    "root_disk", &VmCommon::root_disk, "MiB of the root disk, not less than the stemcell's image",
    {.family = Family::machine, .unheeded = Unheeded::ignored, .usual = "the stemcell's", .example = "64"});
inline constexpr auto firmware = property("firmware", &VmCommon::firmware, "what the VM boots by",
                                          {.family = Family::machine,
                                           .unheeded = Unheeded::ignored,
                                           .usual = "what the stemcell needs",
                                           .example = R"("uefi")"});
inline constexpr auto acceleration =
    property("acceleration", &VmCommon::acceleration, "auto takes KVM where it works",
             {.family = Family::machine,
              .unheeded = Unheeded::ignored,
              .usual = "the configuration's",
              .example = R"("emulation")"});
inline constexpr auto autostart =
    property("autostart", &VmCommon::autostart, "whether the VM [starts with the host](restart.md)",
             {.family = Family::machine, .usual = "the configuration's", .example = "false"});
inline constexpr auto root_filesystem =
    property("root_filesystem", &VmCommon::root_filesystem,
             "of containers: overlay holds what differs from the stemcell, copy is whole",
             {.family = Family::machine,
              .unheeded = Unheeded::ignored,
              .only_for = "it is for containers",
              .example = R"("copy")"});

} // namespace vm_property

template <>
inline constexpr auto
    json::fields<VmCommon> = std::tuple_cat(json::fields<Hardware>,
                                            std::tuple{vm_property::ephemeral_disk, vm_property::root_disk,
                                                       vm_property::firmware, vm_property::acceleration,
                                                       vm_property::autostart, vm_property::root_filesystem},
                                            json::fields<DiskOptions>);

} // namespace cpi
