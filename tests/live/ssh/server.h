#pragma once

#include "host/ssh_session.h"

namespace cpi::test {

/// The lab's SSH server, as root.
[[nodiscard]] SshAddress server_address();

} // namespace cpi::test
