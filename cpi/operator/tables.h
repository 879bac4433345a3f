#pragma once

#include <string>

/// What there is and what each hypervisor can do, as Markdown: the tables of the documentation.
namespace cpi {

[[nodiscard]] std::string method_table();
/// Of properties: what they mean, and which hypervisor does something about them.
[[nodiscard]] std::string vm_table();
[[nodiscard]] std::string vm_support_table();
[[nodiscard]] std::string nic_table();
[[nodiscard]] std::string nic_support_table();

} // namespace cpi
