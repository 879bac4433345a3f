#include "base/ids.h"

#include <sys/random.h>

#include <cerrno>

namespace cpi {

namespace {

constexpr std::string_view uuid_pattern = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";

std::string random_bytes(std::size_t length)
{
    std::string bytes(length, '\0');
    if (getrandom(bytes.data(), length, 0) != static_cast<ssize_t>(length))
        throw system_error("reading random bytes", errno);
    return bytes;
}

/// Of as many bytes as the pattern is long; four bits of each count.
std::string uuid_of(std::string_view bytes)
{
    constexpr std::string_view hex_digits = "0123456789abcdef";
    std::string uuid{uuid_pattern};
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        const unsigned nibble = static_cast<unsigned char>(bytes[i]) & 0xFU;
        if (uuid[i] == 'x')
            uuid[i] = hex_digits[nibble];
        else if (uuid[i] == 'y')
            uuid[i] = hex_digits[8U | (nibble & 3U)];
    }
    return uuid;
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
    return uuid_of(random_bytes(uuid_pattern.size()));
}

std::string stable_uuid(std::string_view seed)
{
    std::string bytes;
    for (unsigned part = 0; bytes.size() < uuid_pattern.size(); ++part)
        for (std::uint64_t hash = stable_hash(concat(part, "/", seed, "/", part)), i = 0; i < 16; ++i)
            bytes += static_cast<char>((hash >> (4 * i)) & 0xFU);
    return uuid_of(bytes);
}

} // namespace cpi
