#pragma once

#include "base/error.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace cpi::test {

/// What a call threw.
struct Caught {
    std::optional<ErrorKind> kind;
    std::string what = "(nothing was thrown)";
    bool ok_to_retry = false;
};

template <class Call>
[[nodiscard]] Caught caught(Call&& call)
{
    try {
        static_cast<void>(call());
    } catch (const Error& error) {
        return {error.kind(), error.what(), error.ok_to_retry()};
    }
    return {};
}

/// Checks that each part is in the text.
inline void check_says(std::string_view text, std::initializer_list<std::string_view> parts)
{
    for (const auto part : parts) {
        CAPTURE(text);
        CAPTURE(part);
        CHECK(text.find(part) != std::string_view::npos);
    }
}

inline void check_hides(std::string_view text, std::string_view secret)
{
    CAPTURE(text);
    CAPTURE(secret);
    CHECK(text.find(secret) == std::string_view::npos);
}

} // namespace cpi::test
