// The host of this suite: this machine, reached through the lab's SSH server.

#include "base/text.h"
#include "host/ssh_host.h"
#include "live/remote/server.h"
#include "src/host/make_host.h"

namespace cpi::test {

std::unique_ptr<Host> make_host()
{
    return std::make_unique<SshHost>(&server_address);
}

} // namespace cpi::test
