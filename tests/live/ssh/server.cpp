#include "live/ssh/server.h"

#include "support/temp_dir.h"

#include <cstdlib>
#include <stdexcept>

namespace cpi::test {

SshAddress server_address()
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
    const char* given = std::getenv("LIBVIRT_CPI_SSHD");
    if (given == nullptr)
        throw std::runtime_error{"LIBVIRT_CPI_SSHD is not set: it is the folder that tests/lab/sshd prints"};
    const std::filesystem::path folder{given};
    return {.host = "127.0.0.1",
            .port = static_cast<unsigned>(std::stoul(read_file(folder / "port"))),
            .user = "root",
            .private_key = Secret{read_file(folder / "key")},
            .known_hosts = read_file(folder / "host_key.pub")};
}

} // namespace cpi::test
