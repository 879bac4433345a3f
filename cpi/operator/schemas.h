#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cpi {

/// What there are JSON Schemas of: the configuration, and each kind of cloud properties.
[[nodiscard]] std::vector<std::string> schema_names();
/// Throws for a name that is none.
[[nodiscard]] std::string schema_of(std::string_view name);

} // namespace cpi
