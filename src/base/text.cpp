#include "base/text.h"

#include <algorithm>
#include <numeric>

namespace cpi {

namespace {

std::size_t edit_distance(std::string_view from, std::string_view to)
{
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

/// How many bytes a UTF-8 sequence has that begins with this one; 0: none does.
std::size_t announced_length(unsigned first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/// The length of the UTF-8 sequence that starts `text`, or 0 when it is not a valid one.
std::size_t utf8_length(std::string_view text)
{
    const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::size_t length = announced_length(byte(0));
    if (length == 0 || text.size() < length)
        return 0;
    const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; };
    if (!std::ranges::all_of(text.substr(1, length - 1), continues))
        return 0;
    // Overlong forms, surrogates, and what lies beyond Unicode are told by the first two bytes.
    const unsigned start = length > 2 ? (unsigned{byte(0)} << 8U) + byte(1) : 0xFFFFU;
    const bool wrong = start < 0xE0A0 || (start >= 0xEDA0 && start <= 0xEDBF) ||
                       (start >= 0xF000 && start < 0xF090) || (start >= 0xF490 && start <= 0xF4BF);
    return wrong ? 0 : length;
}

} // namespace

std::string join(std::span<const std::string> words, std::string_view separator)
{
    std::string joined;
    for (std::size_t i = 0; i < words.size(); ++i) {
        joined += i == 0 ? "" : separator;
        joined += words[i];
    }
    return joined;
}

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find(separator, start), text.size());
        parts.emplace_back(text.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

std::string lower(std::string_view text)
{
    std::string lowered{text};
    std::ranges::transform(lowered, lowered.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lowered;
}

std::string trim(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return std::string{text.substr(first, text.find_last_not_of(blanks) - first + 1)};
}

std::string shell_quote(std::string_view word)
{
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    return quoted += '\'';
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates)
{
    std::optional<std::string> best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const auto& candidate : candidates) {
        if (word.size() >= candidate.size() + best_distance)
            continue; // as far as that apart by their lengths alone
        const std::size_t distance = edit_distance(lower(word), lower(candidate));
        if (distance < best_distance && distance < candidate.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string printable_utf8(std::string_view text)
{
    constexpr std::string_view replacement = "\xEF\xBF\xBD";
    std::string clean;
    clean.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const auto first = static_cast<unsigned char>(text.front());
        const bool control = first < 0x20 && first != '\t' && first != '\n' && first != '\r';
        const bool noncharacter = text.starts_with("\xEF\xBF\xBE") || text.starts_with("\xEF\xBF\xBF");
        if (length == 0 || control || first == 0x7F || noncharacter)
            clean += replacement;
        else
            clean += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return clean;
}

std::string one_line(std::string text)
{
    std::ranges::replace_if(
        text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return text;
}

bool has_any(std::string_view text, std::span<const std::string_view> words)
{
    return std::ranges::any_of(
        words, [&](std::string_view one) { return text.find(one) != std::string_view::npos; });
}

std::string excerpt(std::string_view text, std::size_t longest)
{
    if (text.size() <= longest)
        return printable_utf8(text);
    return concat(printable_utf8(text.substr(0, longest)), "…");
}

std::string shortened(std::string text, std::size_t most)
{
    constexpr std::string_view gap = " […] ";
    if (text.size() <= most)
        return text;
    const std::size_t end = most / 4; // advice is there
    return text.replace(most - end - gap.size(), text.size() - most + gap.size(), gap);
}

std::uint64_t stable_hash(std::string_view text) noexcept
{
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x100000001b3U;
    }
    return hash;
}

} // namespace cpi
