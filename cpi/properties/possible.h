#pragma once

#include "cpi/properties/vm_properties.h"
#include "hypervisor/hypervisor.h"
#include "properties/nics.h"

#include <string>
#include <string_view>
#include <vector>

namespace cpi {

class Cpi;

/// Why a method or a property is refused, or ignored, in words.
[[nodiscard]] std::string not_possible(const Hypervisor& hypervisor, std::string_view subject,
                                       std::string_view why);

/// Throws not_supported when one of these properties of NICs is refused.
void require_nics_possible(const Hypervisor& hypervisor, const std::vector<std::string>& keys);

/// Cloud properties may be meant for another CPI: what this one does not know is said, and no more. What it
/// knows and the hypervisor does nothing about is not_supported, or only said where nothing is lost by that.
void check_properties(Cpi& cpi, std::string_view where, const DiskOptions& given);
void check_properties(Cpi& cpi, std::string_view where, const VmProperties& given);
void check_properties(Cpi& cpi, std::string_view where, const NetworkProperties& given);

} // namespace cpi
