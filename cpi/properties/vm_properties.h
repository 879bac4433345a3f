#pragma once

#include "properties/vm.h"

#include <any>
#include <map>
#include <string_view>

namespace cpi {

/// A VM's cloud properties: those of any hypervisor, and the own ones of each.
struct VmProperties : VmCommon {
    std::map<std::string_view, std::any> own; // by the hypervisor's name
};

/// All that a VM may be asked for.
[[nodiscard]] std::vector<PropertyFacts> vm_property_facts();

namespace json {

template <>
struct Codec<VmProperties> {
    static VmProperties read(const Place& place);
    static std::string expected() { return "an object"; }
};

} // namespace json

} // namespace cpi
