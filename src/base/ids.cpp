#include "base/ids.h"

#include <sys/random.h>

#include <cerrno>

namespace cpi {

namespace {

std::string random_bytes(std::size_t length)
{
    std::string bytes(length, '\0');
    if (getrandom(bytes.data(), length, 0) != static_cast<ssize_t>(length))
        throw system_error("reading random bytes", errno);
    return bytes;
}

} // namespace

std::string random_name(std::size_t length)
{
    constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
    std::string name = random_bytes(length);
    std::ranges::transform(name, name.begin(),
                           [&](char c) { return alphabet[static_cast<unsigned char>(c) % alphabet.size()]; });
    return name;
}

std::string random_uuid()
{
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::string_view pattern = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    const std::string bytes = random_bytes(pattern.size());
    std::string uuid{pattern};
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        const unsigned nibble = static_cast<unsigned char>(bytes[i]) & 0xFU;
        if (uuid[i] == 'x')
            uuid[i] = digits[nibble];
        else if (uuid[i] == 'y')
            uuid[i] = digits[8U | (nibble & 3U)];
    }
    return uuid;
}

} // namespace cpi
