#pragma once

#include "json/json.h"
#include "support/cpi_process.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// What the Director and `bosh create-env` do with the files of the release.
namespace cpi::test {

/// The first document of a text in YAML.
[[nodiscard]] json::Document yaml(std::string_view text);

/// A template of the job, rendered with these properties: a JSON object. The job is the tree's, or one of a
/// release that is unpacked there.
[[nodiscard]] Ran try_render(std::string_view file, std::string_view properties,
                             const std::filesystem::path& job = SOURCE_DIR "/jobs/libvirt_cpi");
[[nodiscard]] std::string render(std::string_view file, std::string_view properties,
                                 const std::filesystem::path& job = SOURCE_DIR "/jobs/libvirt_cpi");

/// The configuration that the job makes of these properties. That the CPI accepts it is checked.
[[nodiscard]] json::Document accepted_config(std::string_view properties);

/// A manifest in YAML after operations, with its variables filled in. `variables` is a JSON object.
[[nodiscard]] Ran interpolate(const std::vector<std::string>& files, std::string_view variables);

/// The same; the test ends where that fails.
[[nodiscard]] json::Document interpolated(const std::vector<std::string>& files, std::string_view variables);

} // namespace cpi::test
