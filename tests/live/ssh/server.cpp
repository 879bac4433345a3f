#include "live/ssh/server.h"

#include "base/text.h"
#include "support/temp_dir.h"

#include <cstdlib>
#include <stdexcept>

namespace cpi::test {

std::filesystem::path server_folder()
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
    const char* given = std::getenv("LIBVIRT_CPI_SSH_HOST");
    if (given == nullptr)
        throw std::runtime_error{
            "LIBVIRT_CPI_SSH_HOST is not set: it is the folder that tests/lab/remote 1 folder prints"};
    return given;
}

SshAddress server_address()
{
    const auto folder = server_folder();
    return {.host = trim(read_file(folder / "address")),
            .user = "root",
            .private_key = Secret{read_file(folder / "key")},
            .known_hosts = read_file(folder / "host_key.pub")};
}

} // namespace cpi::test
