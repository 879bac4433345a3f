#include "virt/uri.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>

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

std::string remote_uri(std::string_view local_uri, const UriAuthority& authority)
{
    constexpr std::string_view separator = "://";
    constexpr std::string_view usual_port = "22";
    const std::size_t end = local_uri.find(separator);
    const std::string_view driver = local_uri.substr(0, end);
    const std::string_view path = local_uri.substr(end + separator.size());
    const bool is_ipv6 = authority.host.find(':') != std::string::npos;
    const std::string host = is_ipv6 ? concat('[', authority.host, ']') : authority.host;
    const std::string port = authority.port == usual_port ? "" : concat(':', authority.port);
    return concat(driver, "+ssh://", percent_encoded(authority.user), "@", host, port, path);
}

namespace {

std::string decoded(std::string_view text)
{
    constexpr int hexadecimal = 16;
    constexpr std::size_t digits = 2;
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned char byte = 0;
        const char* const code = text.data() + at + 1;
        if (text[at] == '%' && text.size() - at > digits &&
            std::from_chars(code, code + digits, byte, hexadecimal).ptr == code + digits) {
            plain += static_cast<char>(byte);
            at += digits;
        } else {
            plain += text[at];
        }
    }
    return plain;
}

/// What is behind "qemu+ssh://", up to the parameters.
std::string_view rest_of(std::string_view uri)
{
    const std::size_t start = uri.find("//");
    const std::string_view rest =
        start == std::string_view::npos ? std::string_view{} : uri.substr(start + 2);
    return rest.substr(0, rest.find_first_of("?#"));
}

} // namespace

std::string uri_with(std::string_view uri, std::string_view name, std::string_view value)
{
    const bool is_first = uri.find('?') == std::string_view::npos;
    return concat(uri, is_first ? "?" : "&", name, "=", percent_encoded(value));
}

std::string socket_uri(std::string_view uri, std::string_view socket)
{
    return uri_with(concat(uri_driver(uri), "+unix://", uri_path(uri)), "socket", socket);
}

UriAuthority uri_authority(std::string_view uri)
{
    std::string_view rest = rest_of(uri);
    rest = rest.substr(0, rest.find('/'));
    UriAuthority found;
    if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
        found.user = decoded(rest.substr(0, at));
        rest.remove_prefix(at + 1);
    }
    if (rest.starts_with('[')) {
        const std::size_t end = rest.find(']');
        found.host = rest.substr(1, end - 1);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    } else {
        found.host = decoded(rest.substr(0, rest.find(':')));
        rest.remove_prefix(std::min(rest.find(':'), rest.size()));
    }
    if (rest.starts_with(':'))
        found.port = rest.substr(1);
    return found;
}

std::string uri_path(std::string_view uri)
{
    const std::string_view rest = rest_of(uri);
    return std::string{rest.substr(std::min(rest.find('/'), rest.size()))};
}

std::string uri_parameter(std::string_view uri, std::string_view name)
{
    const std::size_t start = uri.find('?');
    if (start == std::string_view::npos)
        return {};
    const std::string prefix = concat(name, "=");
    for (const auto& parameter : split(uri.substr(start + 1), '&'))
        if (parameter.starts_with(prefix))
            return decoded(std::string_view{parameter}.substr(prefix.size()));
    return {};
}

std::string uri_transport(std::string_view uri)
{
    const std::string scheme{uri.substr(0, uri.find(':'))};
    const std::size_t plus = scheme.find('+');
    return plus == std::string::npos ? "" : lower(scheme.substr(plus + 1)); // as libvirt reads it
}

bool uri_goes_by_ssh(std::string_view uri)
{
    const std::string transport = uri_transport(uri);
    return transport == "ssh" || transport == "libssh" || transport == "libssh2";
}

std::string uri_driver(std::string_view uri)
{
    return std::string{uri.substr(0, uri.find_first_of("+:"))};
}

} // namespace cpi
