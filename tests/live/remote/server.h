#pragma once

#include "base/pinned.h"
#include "host/ssh_session.h"

#include <filesystem>

namespace cpi::test {

/// Where the lab says what its host is.
[[nodiscard]] std::filesystem::path server_folder();

/// The lab's host, as root.
[[nodiscard]] SshAddress server_address();

/// While it lives the far end of the cable is unplugged. Afterwards the host answers again.
class LostHost : private Pinned {
public:
    LostHost();
    ~LostHost();
};

} // namespace cpi::test
