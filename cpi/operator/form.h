#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Ways to call the program, as data. Pure.
namespace cpi {

/// What was said where a command's words leave it open, by the words there: "FILE", "--as-new".
using Given = std::map<std::string, std::string, std::less<>>;

struct Form {
    /// In capitals what may be anything, in brackets, at the end, what may be left out.
    std::string_view words;
    std::string_view help;
    int (*run)(const Given& given);
};

/// Nothing: that is not how the command is called.
[[nodiscard]] std::optional<Given> match(const Form& form, std::span<const std::string> words);

/// What the last of the words, which may be a part of one, can become. `choices` are what there is for a word
/// in capitals; none where it is a file, or where nobody knows.
[[nodiscard]] std::vector<std::string>
completions(std::span<const Form> forms, std::span<const std::string> words,
            const std::function<std::vector<std::string>(std::string_view open)>& choices);

/// For people at a terminal.
[[nodiscard]] std::string usage_of(std::span<const Form> forms);
/// A page for man.
[[nodiscard]] std::string manual_of(std::span<const Form> forms, std::string_view version);

/// What lets a shell complete the words, by asking the program each time; nothing for a shell that is not
/// known.
[[nodiscard]] std::string_view completion_script(std::string_view shell);
[[nodiscard]] std::vector<std::string> known_shells();

} // namespace cpi
