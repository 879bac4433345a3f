#pragma once

#include "base/pinned.h"
#include "host/ssh_session.h"

#include <filesystem>
#include <string>
#include <vector>

namespace cpi::test {

/// Where the lab says what its host is.
[[nodiscard]] std::filesystem::path server_folder();

/// The lab's host, as root.
[[nodiscard]] SshAddress server_address();

/// While it lives the SSH server says nothing on the connections that it has, and takes nothing from them, as
/// under a load. Its kernel does.
class SilentServer : private Pinned {
public:
    SilentServer();
    ~SilentServer();

private:
    std::vector<std::string> sessions_;
};

/// While it lives the far end of the cable is unplugged. Afterwards the host answers again.
class LostHost : private Pinned {
public:
    LostHost();
    ~LostHost();
};

} // namespace cpi::test
