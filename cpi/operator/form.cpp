#include "cpi/operator/form.h"

#include "base/text.h"

#include <algorithm>
#include <array>

namespace cpi {

namespace {

struct Token {
    std::string word;
    bool is_open = false; // in capitals
    bool may_be_left_out = false;
};

std::vector<Token> tokens_of(const Form& form)
{
    std::vector<Token> tokens;
    for (const auto& word : split(form.words, ' ')) {
        const bool bracketed = word.starts_with('[');
        const std::string bare = bracketed ? word.substr(1, word.size() - 2) : word;
        tokens.push_back({bare, bare.front() >= 'A' && bare.front() <= 'Z', bracketed});
    }
    return tokens;
}

bool fits(const Token& token, const std::string& word)
{
    return token.is_open ? !word.empty() : token.word == word;
}

/// Lines no longer than `width`, each but the first behind `indent` blanks.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent)
{
    std::string all;
    std::size_t column = 0;
    for (const auto& word : split(text, ' ')) {
        if (column > 0 && column + 1 + word.size() > width) {
            all += concat("\n", std::string(indent, ' '));
            column = 0;
        } else if (column > 0) {
            all += ' ';
            ++column;
        }
        all += word;
        column += word.size();
    }
    return all;
}

/// As roff has it: a hyphen of a command is no sign of punctuation, and no line begins with a request.
std::string roff(std::string_view text)
{
    std::string escaped;
    for (const char c : text)
        escaped += c == '-' ? "\\-" : c == '\\' ? "\\e" : std::string(1, c);
    return escaped.starts_with('.') || escaped.starts_with('\'') ? concat("\\&", escaped) : escaped;
}

struct Shell {
    std::string_view name;
    std::string_view script;
};
constexpr std::array shells{
    Shell{"bash", R"(_libvirt_cpi() {
    local IFS=$'\n'
    COMPREPLY=($("${COMP_WORDS[0]}" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _libvirt_cpi libvirt_cpi
)"},
    Shell{"zsh", R"(#compdef libvirt_cpi
_libvirt_cpi() {
    local -a found
    found=("${(@f)$("${words[1]}" complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
}
if [[ "${funcstack[1]}" == _libvirt_cpi ]]; then _libvirt_cpi; else compdef _libvirt_cpi libvirt_cpi; fi
)"},
    Shell{"fish", R"(function __libvirt_cpi_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l found ($words[1] complete $words[2..-1] "$last" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path $last
    end
end
complete -c libvirt_cpi -f -a '(__libvirt_cpi_complete)'
)"},
};

} // namespace

std::optional<Given> match(const Form& form, std::span<const std::string> words)
{
    const std::vector<Token> tokens = tokens_of(form);
    if (words.size() > tokens.size())
        return std::nullopt;
    Given given;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (i >= words.size() && tokens[i].may_be_left_out)
            break;
        if (i >= words.size() || !fits(tokens[i], words[i]))
            return std::nullopt;
        given.emplace(tokens[i].word, words[i]);
    }
    return given;
}

std::vector<std::string>
completions(std::span<const Form> forms, std::span<const std::string> words,
            const std::function<std::vector<std::string>(std::string_view open)>& choices)
{
    if (words.empty())
        return {};
    const std::size_t at = words.size() - 1;
    std::vector<std::string> found;
    for (const Form& form : forms) {
        const std::vector<Token> tokens = tokens_of(form);
        if (tokens.size() <= at ||
            !std::equal(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(at), words.begin(),
                        fits))
            continue;
        const Token& next = tokens[at];
        for (const auto& word : next.is_open ? choices(next.word) : std::vector{next.word})
            if (word.starts_with(words[at]) && std::ranges::find(found, word) == found.end())
                found.push_back(word);
    }
    return found;
}

std::string usage_of(std::span<const Form> forms)
{
    constexpr std::size_t column = 36;
    constexpr std::size_t width = 74;
    std::string text = "Usage:\n";
    for (const Form& form : forms) {
        std::string line = concat("  libvirt_cpi ", form.words);
        line += line.size() < column ? std::string(column - line.size(), ' ')
                                     : concat("\n", std::string(column, ' '));
        text += concat(line, wrapped(form.help, width, column), "\n");
    }
    return text;
}

std::string manual_of(std::span<const Form> forms, std::string_view version)
{
    std::string text = concat(R"(.TH LIBVIRT_CPI 1 "" "libvirt_cpi )", version, "\"\n.SH NAME\n",
                              "libvirt_cpi \\- BOSH's cloud provider interface for libvirt\n.SH SYNOPSIS\n");
    std::string_view line_break;
    for (const Form& form : forms) {
        text += concat(line_break, ".B libvirt_cpi\n", roff(form.words), "\n");
        line_break = ".br\n";
    }
    text += ".SH DESCRIPTION\nThe BOSH Director and the bosh CLI call the first form; the others are for "
            "people.\n";
    for (const Form& form : forms)
        text += concat(".TP\n.B ", roff(form.words), "\n", roff(form.help), ".\n");
    text += ".SH EXIT STATUS\n0 when it was done, 1 when it failed, 2 when it was called in a wrong way. A "
            "request is answered on standard output, whatever becomes of it, and the status is 0.\n";
    return text;
}

std::string_view completion_script(std::string_view shell)
{
    const auto* const found = std::ranges::find(shells, shell, &Shell::name);
    return found == shells.end() ? std::string_view{} : found->script;
}

std::vector<std::string> known_shells()
{
    std::vector<std::string> names(shells.size());
    std::ranges::transform(shells, names.begin(), &Shell::name);
    return names;
}

} // namespace cpi
