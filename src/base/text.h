#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

/// What `concat` takes: text and whole numbers. A Secret is neither.
template <class T>
concept TextPart = std::integral<T> || std::convertible_to<const T&, std::string_view>;

/// Joins its arguments into one string. (GCC 12 has no std::format.)
template <TextPart... Parts>
[[nodiscard]] std::string concat(const Parts&... parts)
{
    std::string joined;
    const auto append = [&joined]<class Part>(const Part& part) {
        if constexpr (std::same_as<Part, char>)
            joined += part;
        else if constexpr (std::integral<Part>)
            joined += std::to_string(part);
        else
            joined += std::string_view{part};
    };
    (append(parts), ...);
    return joined;
}

[[nodiscard]] std::string join(std::span<const std::string> words, std::string_view separator);
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] std::string trim(std::string_view text);

/// Quotes one word so that a POSIX shell reads it back unchanged.
[[nodiscard]] std::string shell_quote(std::string_view word);

/// The candidate that `word` most likely misspells, or nothing when none is near.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word,
                                                 std::span<const std::string> candidates);

/// `text` as valid UTF-8 without the control characters that XML 1.0 forbids; what is not is replaced by
/// U+FFFD.
[[nodiscard]] std::string printable_utf8(std::string_view text);

/// The text with blanks for its lines' ends.
[[nodiscard]] std::string one_line(std::string text);

/// Whether one of these is in the text.
[[nodiscard]] bool has_any(std::string_view text, std::span<const std::string_view> words);

/// As much of it as an error message needs to show what it is about, as `printable_utf8`.
[[nodiscard]] std::string excerpt(std::string_view text, std::size_t longest = 200);

/// At most that many bytes: where there are more, some in the middle are left out.
[[nodiscard]] std::string shortened(std::string text, std::size_t most);

/// FNV-1a: a hash that is the same on every machine and in every version.
[[nodiscard]] std::uint64_t stable_hash(std::string_view text) noexcept;

} // namespace cpi
