#include "base/base64.h"

#include <cstdint>

namespace cpi {

namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr unsigned bits_of_digit = 6;
constexpr unsigned bits_of_byte = 8;
constexpr std::size_t group = 4; // digits

} // namespace

std::string encode_base64(std::string_view bytes)
{
    std::string text;
    std::uint32_t pending = 0;
    unsigned bits = 0;
    for (const char byte : bytes) {
        pending = pending << bits_of_byte | static_cast<unsigned char>(byte);
        for (bits += bits_of_byte; bits >= bits_of_digit; bits -= bits_of_digit)
            text += digits[pending >> (bits - bits_of_digit) & 0x3FU];
    }
    if (bits > 0)
        text += digits[pending << (bits_of_digit - bits) & 0x3FU];
    while (text.size() % group != 0)
        text += '=';
    return text;
}

std::optional<std::string> decode_base64(std::string_view text)
{
    if (text.size() % group != 0)
        return std::nullopt;
    const std::size_t end = text.find_last_not_of('=') + 1;
    if (text.size() - end > 2)
        return std::nullopt;
    std::string bytes;
    std::uint32_t pending = 0;
    unsigned bits = 0;
    for (const char digit : text.substr(0, end)) {
        const std::size_t value = digits.find(digit);
        if (value == std::string_view::npos)
            return std::nullopt;
        pending = pending << bits_of_digit | static_cast<std::uint32_t>(value);
        bits += bits_of_digit;
        if (bits < bits_of_byte)
            continue;
        bits -= bits_of_byte;
        bytes += static_cast<char>(pending >> bits & 0xFFU);
    }
    return bytes;
}

} // namespace cpi
