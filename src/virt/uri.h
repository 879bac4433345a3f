#pragma once

#include <string>
#include <string_view>

namespace cpi {

/// The URI that reaches the same driver on the machine itself, through that socket: qemu+ssh://host/system
/// becomes qemu+unix:///system?socket=….
[[nodiscard]] std::string socket_uri(std::string_view uri, std::string_view socket);

/// The URI with one parameter more.
[[nodiscard]] std::string uri_with(std::string_view uri, std::string_view name, std::string_view value);

/// What a URI says of another machine; all empty when it says nothing.
struct UriAuthority {
    std::string user;
    std::string host;
    std::string port;
    bool operator==(const UriAuthority&) const = default;
};
/// The URI that reaches the same driver on another machine: qemu:///system becomes
/// qemu+ssh://user@host/system.
[[nodiscard]] std::string remote_uri(std::string_view local_uri, const UriAuthority& authority);

[[nodiscard]] UriAuthority uri_authority(std::string_view uri);

/// "/system" of qemu+ssh://host/system?socket=/s.
[[nodiscard]] std::string uri_path(std::string_view uri);

/// The value of a parameter: "/s" of qemu+ssh://host/system?socket=/s. Empty: there is none.
[[nodiscard]] std::string uri_parameter(std::string_view uri, std::string_view name);

/// "ssh" of qemu+ssh://host/system.
[[nodiscard]] std::string uri_transport(std::string_view uri);

/// Whether SSH leads there, by whichever of the libraries and programs that libvirt knows for it.
[[nodiscard]] bool uri_goes_by_ssh(std::string_view uri);

/// "qemu" of qemu+ssh://host/system.
[[nodiscard]] std::string uri_driver(std::string_view uri);

} // namespace cpi
