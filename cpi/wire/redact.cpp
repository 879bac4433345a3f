#include "cpi/wire/redact.h"

#include <algorithm>
#include <array>

namespace cpi {

void hide_strings(Redactor& redactor, const json::Place& place)
{
    if (place.is_string())
        redactor.hide(place.string());
    else if (place.is_array())
        for (const auto& item : place.items())
            hide_strings(redactor, item);
    else if (place.is_object())
        for (const auto& [key, at] : place.members())
            hide_strings(redactor, at);
}

namespace {

void hide_env(Redactor& redactor, const json::Place& env)
{
    if (!env.is_object())
        return hide_strings(redactor, env);
    constexpr std::array<std::string_view, 3> public_keys{"group", "groups", "tags"};
    for (const auto& [key, at] : env.members()) {
        if (key != "bosh" || !at.is_object()) {
            hide_strings(redactor, at);
            continue;
        }
        for (const auto& [bosh_key, bosh_at] : at.members())
            if (std::ranges::find(public_keys, bosh_key) == public_keys.end())
                hide_strings(redactor, bosh_at);
    }
}

bool names_secret(const std::string& key)
{
    constexpr std::array<std::string_view, 5> telling{"password", "private_key", "secret", "passphrase",
                                                      "mbus"};
    const std::string name = lower(key);
    return std::ranges::any_of(
        telling, [&name](std::string_view word) { return name.find(word) != std::string::npos; });
}

void hide_by_name(Redactor& redactor, const json::Place& place)
{
    if (place.is_array())
        for (const auto& item : place.items())
            hide_by_name(redactor, item);
    if (!place.is_object())
        return;
    for (const auto& [key, at] : place.members()) {
        if (names_secret(key))
            hide_strings(redactor, at);
        else
            hide_by_name(redactor, at);
    }
}

} // namespace

void hide_secrets(Redactor& redactor, const json::Place& method, const json::Place& arguments,
                  const json::Place& context)
{
    constexpr std::size_t env_position = 5;
    hide_by_name(redactor, context);
    if (!method.is_string() || method.string() != "create_vm" || !arguments.is_array())
        return;
    const auto items = arguments.items();
    if (items.size() > env_position)
        hide_env(redactor, items[env_position]);
}

} // namespace cpi
