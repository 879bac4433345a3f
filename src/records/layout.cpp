#include "records/layout.h"

#include "base/text.h"

#include <algorithm>

namespace cpi {

namespace {

/// A file name that only this text has; one that can be read, unless the text is long.
std::string file_name_of(std::string_view text)
{
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::size_t longest = 200;
    std::string name;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              c == '-' || c == '_' || c == ':' || (c == '.' && !name.empty());
        if (is_plain)
            name += c;
        else if (c == ' ')
            name += '+';
        else
            name += {'%', digits[byte >> 4U], digits[byte & 0xFU]};
    }
    return name.size() <= longest ? name : concat(name.substr(0, longest), "%%", stable_hash(text));
}

} // namespace

Path Layout::of(const AddressClaim& claim) const
{
    return addresses() / file_name_of(concat(claim.where, " ", claim.address));
}

} // namespace cpi
