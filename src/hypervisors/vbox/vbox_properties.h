#pragma once

#include "properties/property.h"

#include <string>
#include <vector>

namespace cpi {

/// How a VM's screen is seen from afar.
enum class Graphics { none, rdp };

/// What VirtualBox pretends to be, for guests that know how to run on it.
enum class Paravirtualization { none, standard, legacy, minimal, hyperv, kvm };

/// What only VirtualBox can be asked for.
struct VboxProperties {
    Graphics graphics = Graphics::none;
    Paravirtualization paravirt_provider = Paravirtualization::kvm;
    bool nested_paging = true;
    std::vector<std::string> given_keys = {};
};

namespace json {

template <>
inline constexpr std::array names<Graphics>{
    NamedValue<Graphics>{"none", Graphics::none},
    NamedValue<Graphics>{"rdp", Graphics::rdp},
};

template <>
inline constexpr std::array names<Paravirtualization>{
    NamedValue<Paravirtualization>{"none", Paravirtualization::none},
    NamedValue<Paravirtualization>{"default", Paravirtualization::standard},
    NamedValue<Paravirtualization>{"legacy", Paravirtualization::legacy},
    NamedValue<Paravirtualization>{"minimal", Paravirtualization::minimal},
    NamedValue<Paravirtualization>{"hyperv", Paravirtualization::hyperv},
    NamedValue<Paravirtualization>{"kvm", Paravirtualization::kvm},
};

} // namespace json

namespace vbox {

inline constexpr std::string_view whose = "it is VirtualBox's";

inline constexpr auto graphics =
    property("graphics", &VboxProperties::graphics, "of VirtualBox: rdp shows the VM's screen to the host",
             {.family = Family::machine, .only_for = whose, .example = R"("rdp")"});
inline constexpr auto paravirt_provider = property(
    "paravirt_provider", &VboxProperties::paravirt_provider,
    "of VirtualBox: what it pretends to be, for guests that know how to run on it",
    {.family = Family::machine, .unheeded = Unheeded::ignored, .only_for = whose, .example = R"("hyperv")"});
inline constexpr auto nested_paging = property(
    "nested_paging", &VboxProperties::nested_paging,
    "of VirtualBox: false where the host's processor has none",
    {.family = Family::machine, .unheeded = Unheeded::ignored, .only_for = whose, .example = "false"});

} // namespace vbox

template <>
inline constexpr std::tuple json::fields<VboxProperties>{vbox::graphics, vbox::paravirt_provider,
                                                         vbox::nested_paging};

} // namespace cpi
