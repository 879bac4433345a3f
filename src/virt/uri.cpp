#include "virt/uri.h"

#include "base/text.h"

namespace cpi {

std::string remote_uri(std::string_view local_uri, std::string_view username, std::string_view host)
{
    constexpr std::string_view separator = "://";
    const std::size_t end = local_uri.find(separator);
    const std::string_view driver = local_uri.substr(0, end);
    const std::string_view path = local_uri.substr(end + separator.size());
    const bool is_ipv6 = host.find(':') != std::string_view::npos;
    const std::string address = is_ipv6 ? concat('[', host, ']') : std::string{host};
    return concat(driver, "+ssh://", username, username.empty() ? "" : "@", address, path);
}

std::string uri_driver(std::string_view uri)
{
    return std::string{uri.substr(0, uri.find_first_of("+:"))};
}

} // namespace cpi
