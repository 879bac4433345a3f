#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cpi {

/// A value that must not reach a log. It has no conversion, no output operator
/// and no comparison, so `concat`, the log and the JSON writer all refuse it.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_{std::move(value)} {}
    [[nodiscard]] const std::string& reveal() const noexcept { return value_; }
    [[nodiscard]] bool empty() const noexcept { return value_.empty(); }

private:
    std::string value_;
};

/// The second line of defence: blanks the values it was told of, wherever they turn up.
class Redactor {
public:
    /// Texts too short to be told from ordinary words are not hidden.
    void hide(const std::string& text);
    /// The text as it may be shown: without secrets, and no longer than anybody reads.
    [[nodiscard]] std::string clean(std::string text) const;

private:
    std::vector<std::string> hidden_;
};

} // namespace cpi
