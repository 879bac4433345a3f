#include "virt/uri.h"

#include "base/text.h"

namespace cpi {

namespace {

std::string percent_encoded(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view plain = "-._~";
    std::string encoded;
    for (const char c : text) {
        const bool letter_or_digit =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        const auto byte = static_cast<unsigned char>(c);
        if (letter_or_digit || plain.find(c) != std::string_view::npos)
            encoded += c;
        else
            encoded += {'%', digits[byte >> 4U], digits[byte & 0xFU]};
    }
    return encoded;
}

} // namespace

std::string remote_uri(std::string_view local_uri, std::string_view username, std::string_view host)
{
    constexpr std::string_view separator = "://";
    const std::size_t end = local_uri.find(separator);
    const std::string_view driver = local_uri.substr(0, end);
    const std::string_view path = local_uri.substr(end + separator.size());
    const bool is_bare_ipv6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
    const std::string address = is_bare_ipv6 ? concat('[', host, ']') : std::string{host};
    return concat(driver, "+ssh://", percent_encoded(username), username.empty() ? "" : "@", address, path);
}

std::string uri_driver(std::string_view uri)
{
    return std::string{uri.substr(0, uri.find_first_of("+:"))};
}

} // namespace cpi
