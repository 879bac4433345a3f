#pragma once

#include <string>

namespace cpi {

/// Reads one request on stdin and answers it on stdout. The exit status says nothing: callers read the
/// answer.
int serve(const std::string& config_file);

} // namespace cpi
