#include "live/release/installed.h"

#include "base/text.h"
#include "support/release.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace cpi::test {

std::string run(const std::vector<std::string>& argv, std::string_view input,
                const std::map<std::string, std::string>& environment)
{
    const Ran ran = run_program(argv, input, environment);
    if (ran.status != 0)
        throw std::runtime_error{concat(join(argv, " "), ": status ", ran.status, ": ", ran.out, ran.err)};
    return ran.out;
}

std::filesystem::path release_tarball()
{
    const char* tarball = std::getenv("CPI_RELEASE"); // NOLINT(concurrency-mt-unsafe): nothing changes it
    if (tarball == nullptr)
        throw std::runtime_error{"CPI_RELEASE is not set. Try: scripts/test release, which makes one"};
    return tarball;
}

void unpack_release(const std::filesystem::path& tarball, const Folder& to)
{
    const auto unpack = [](const std::filesystem::path& archive, const Folder& folder) {
        std::filesystem::create_directories(folder);
        run({"tar", "--no-same-owner", "-xzf", archive, "-C", folder});
    };
    unpack(tarball, to);
    unpack(to / "jobs/libvirt_cpi.tgz", to / "job");
    unpack(to / "packages/libvirt_cpi.tgz", to / "package");
}

Ran compile_package(const Prefix& prefix, const Folder& package, const Places& places)
{
    const Folder target = places.packages / "libvirt_cpi";
    std::vector<std::string> argv = prefix;
    for (const auto& word : {std::string{"env"}, concat("--chdir=", package.native()), std::string{"bash"},
                             std::string{"-x"}, std::string{"packaging"}})
        argv.push_back(word);
    return run_program(argv, {},
                       {{"BOSH_COMPILE_TARGET", package},
                        {"BOSH_INSTALL_TARGET", target},
                        {"BOSH_PACKAGE_NAME", "libvirt_cpi"},
                        {"BOSH_PACKAGES_DIR", places.packages}});
}

void render_job(const Folder& job, std::string_view properties, const Folder& to)
{
    using std::filesystem::perms;
    std::filesystem::create_directories(to / "bin");
    std::filesystem::create_directories(to / "config");
    std::filesystem::permissions(to, perms::owner_all);
    std::ofstream{to / "bin/cpi"} << render("cpi.erb", properties, job);
    std::ofstream{to / "config/cpi.json"} << render("cpi.json.erb", properties, job);
    std::filesystem::permissions(to / "bin/cpi", perms::owner_all | perms::group_read | perms::group_exec |
                                                     perms::others_read | perms::others_exec);
}

std::string request(std::string_view method, std::string_view arguments, std::string_view context,
                    std::string_view rest)
{
    return concat(R"({"method":)", json_string(method), R"(,"arguments":)", arguments, R"(,"context":{)",
                  context, "}", rest.empty() ? "" : ",", rest, "}");
}

} // namespace cpi::test
