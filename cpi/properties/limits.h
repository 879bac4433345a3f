#pragma once

#include "hypervisor/hypervisor.h"

#include <string>
#include <string_view>
#include <vector>

namespace cpi {

class Cpi;

/// Throws not_supported when one of the subjects, methods or cloud properties, is refused.
void require_possible(const Hypervisor& hypervisor, std::span<const Limit> limits,
                      const std::vector<std::string>& subjects);

/// Cloud properties may be meant for another CPI: what this one does not know is said, and no more. What it
/// knows and the hypervisor cannot do is not_supported, or only said where nothing is lost by that.
void check_keys(Cpi& cpi, std::string_view where, std::span<const Limit> limits,
                const std::vector<std::string>& given, const std::vector<std::string>& unknown);
/// `Fields` is what was read of them.
template <class Fields>
void check_properties(Cpi& cpi, std::string_view where, std::span<const Limit> limits, const Fields& fields)
{
    check_keys(cpi, where, limits, fields.given_keys, fields.unknown_keys);
}

/// What each hypervisor can do, as Markdown: the tables of the documentation.
[[nodiscard]] std::string method_table();
[[nodiscard]] std::string vm_table();
[[nodiscard]] std::string nic_table();

} // namespace cpi
