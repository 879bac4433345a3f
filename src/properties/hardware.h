#pragma once

#include "base/units.h"
#include "properties/property.h"

#include <any>
#include <optional>

/// What can be asked of a VM itself, whatever its disks and its NICs are.
namespace cpi {

enum class Firmware { bios, uefi };

/// The configuration's and a VM's wish for hardware virtualisation.
enum class Acceleration { automatic, kvm, emulation };

/// What a hypervisor is told as it is.
struct Hardware {
    json::Ranged<1, 1024> cpus{1};
    json::Ranged<16, std::int64_t{1} << 30U> memory{1024};
};

namespace json {

template <>
inline constexpr std::array names<Firmware>{
    NamedValue<Firmware>{"bios", Firmware::bios},
    NamedValue<Firmware>{"uefi", Firmware::uefi},
};

template <>
inline constexpr std::array names<Acceleration>{
    NamedValue<Acceleration>{"auto", Acceleration::automatic},
    NamedValue<Acceleration>{"kvm", Acceleration::kvm},
    NamedValue<Acceleration>{"emulation", Acceleration::emulation},
};

} // namespace json

namespace vm_property {

inline constexpr auto cpus =
    property("cpus", &Hardware::cpus, "virtual CPUs", {.family = Family::machine, .example = "3"});
inline constexpr auto memory =
    property("memory", &Hardware::memory, "MiB of memory", {.family = Family::machine, .example = "333"});

} // namespace vm_property

template <>
inline constexpr std::tuple json::fields<Hardware>{vm_property::cpus, vm_property::memory};

} // namespace cpi
