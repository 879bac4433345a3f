#pragma once

#include <string>
#include <string_view>

namespace cpi {

/// The URI that reaches the same driver on another host: qemu:///system becomes qemu+ssh://user@host/system.
[[nodiscard]] std::string remote_uri(std::string_view local_uri, std::string_view username,
                                     std::string_view host);

/// "qemu" of qemu+ssh://host/system.
[[nodiscard]] std::string uri_driver(std::string_view uri);

} // namespace cpi
