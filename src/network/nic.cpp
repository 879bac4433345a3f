#include "network/nic.h"

#include "base/text.h"

#include <array>

namespace cpi {

std::string stable_mac(std::string_view vm, std::string_view network)
{
    constexpr std::string_view digits = "0123456789abcdef";
    const std::uint64_t hash = stable_hash(concat(vm, "/", network));
    std::string mac = "52:54:00";
    for (unsigned shift = 0; shift < 24; shift += 8) {
        const std::uint64_t byte = (hash >> shift) & 0xFFU;
        mac += {':', digits[byte >> 4U], digits[byte & 0xFU]};
    }
    return mac;
}

} // namespace cpi
