#pragma once

#include "properties/property.h"

#include <string>
#include <vector>

namespace cpi {

/// What Xen makes of a VM: a whole PC, a PC without a BIOS, or none that needs the processor's help.
enum class Virtualization { hvm, pvh, pv };

/// What only Xen can be asked for.
struct XenProperties {
    Virtualization virtualization = Virtualization::hvm;
    std::vector<std::string> given_keys = {};
};

template <>
inline constexpr std::array json::names<Virtualization>{
    json::NamedValue<Virtualization>{"hvm", Virtualization::hvm},
    json::NamedValue<Virtualization>{"pvh", Virtualization::pvh},
    json::NamedValue<Virtualization>{"pv", Virtualization::pv},
};

namespace xen {

inline constexpr auto virtualization =
    property("virtualization", &XenProperties::virtualization,
             "of Xen: which of its [three kinds](xen.md#virtualization-three-kinds-of-vms) the VM is",
             {.family = Family::machine,
              .unheeded = Unheeded::ignored,
              .only_for = "it is for Xen",
              .example = R"("pv")"});

} // namespace xen

template <>
inline constexpr std::tuple json::fields<XenProperties>{xen::virtualization};

} // namespace cpi
