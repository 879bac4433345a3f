#pragma once

#include "host/host.h"
#include "host/ssh_session.h"

#include <memory>

namespace cpi {

/// Writes to a file on another machine, which is there and empty: compressed on the way, as long as that
/// makes it less, with holes where there are zeros.
[[nodiscard]] std::unique_ptr<Sink> start_upload(SshSession& session, const Path& file);

} // namespace cpi
