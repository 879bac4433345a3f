#include "base/secret.h"

#include "base/text.h"

#include <algorithm>
#include <string_view>

namespace cpi {

void Redactor::hide(const std::string& text)
{
    constexpr std::size_t shortest = 6;
    if (text.size() < shortest || std::ranges::find(hidden_, text) != hidden_.end())
        return;
    hidden_.push_back(text);
    // Longest first: a secret that contains another one must not leave its own rest behind.
    std::ranges::stable_sort(hidden_, std::ranges::greater{}, &std::string::size);
}

namespace {

/// In one pass: a replacement in place would move the rest of a long text each time.
std::string without(const std::string& text, const std::string& secret)
{
    constexpr std::string_view blank = "<redacted>";
    std::string rest;
    std::size_t since = 0;
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, since)) {
        rest.append(text, since, at - since).append(blank);
        since = at + secret.size();
    }
    return rest.append(text, since);
}

} // namespace

std::string Redactor::clean(std::string text) const
{
    for (const auto& secret : hidden_)
        text = without(text, secret);
    constexpr std::size_t longest = std::size_t{1} << 20U;
    return shortened(std::move(text), longest);
}

} // namespace cpi
