#pragma once

#include "support/cpi_process.h"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The release's tarball, and what the CLI and the Director's agents do with it.
namespace cpi::test {

using Folder = std::filesystem::path;

/// Words that are put before each command: how to get to where it runs.
using Prefix = std::vector<std::string>;

/// The output; a failure throws.
std::string run(const std::vector<std::string>& argv, std::string_view input = {},
                const std::map<std::string, std::string>& environment = {});

/// The tarball that CPI_RELEASE names.
[[nodiscard]] std::filesystem::path release_tarball();

/// Unpacks the tarball, and in it the archives of the job and the package: job/, package/, release.MF.
void unpack_release(const std::filesystem::path& tarball, const Folder& to);

/// Where BOSH's programs find themselves.
struct Places {
    Folder packages; // as those who run there see it
    Folder jobs;
    [[nodiscard]] std::map<std::string, std::string> environment() const
    {
        return {{"BOSH_PACKAGES_DIR", packages}, {"BOSH_JOBS_DIR", jobs}};
    }
};

/// Runs the package's script; the folder of the package is where the unpacked one is.
Ran compile_package(const Prefix& prefix, const Folder& package, const Places& places);

/// Writes the job's files, which the caller may read.
void render_job(const Folder& job, std::string_view properties, const Folder& to);

/// A request's JSON. `context` and `rest` are members of objects.
[[nodiscard]] std::string request(std::string_view method, std::string_view arguments,
                                  std::string_view context, std::string_view rest = {});

} // namespace cpi::test
