#include "base/ids.h"

#include <sys/random.h>

#include <cerrno>

namespace cpi {

std::string random_name(std::size_t length)
{
    constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
    std::string name(length, '\0');
    if (getrandom(name.data(), length, 0) != static_cast<ssize_t>(length))
        throw system_error("reading random bytes", errno);
    std::ranges::transform(name, name.begin(),
                           [&](char c) { return alphabet[static_cast<unsigned char>(c) % alphabet.size()]; });
    return name;
}

} // namespace cpi
