#pragma once

#include "host/ssh_session.h"

#include <filesystem>

namespace cpi::test {

/// Where the lab says what its host is.
[[nodiscard]] std::filesystem::path server_folder();

/// The lab's host, as root.
[[nodiscard]] SshAddress server_address();

} // namespace cpi::test
