#include "fuzz/quoting.h"

#include "base/text.h"
#include "host/local_host.h"
#include "host/remote_shell.h"

#include <stdexcept>

namespace cpi::test {

namespace {

void check(const std::string& script, const std::string& input, const std::string& wanted)
{
    LocalHost host;
    if (host.run({.argv = {"/bin/sh", "-c", script}, .input = Secret{input}}).out != wanted)
        throw std::runtime_error{concat("a shell reads it otherwise: ", script, input)};
}

} // namespace

void check_quoting(std::string_view bytes)
{
    std::string wanted;
    std::string line = R"(N=$(printf '\nx'); N=${N%x}; printf '%s\0')"; // as the remote shell is prepared
    std::string script = R"(printf '%s\0')";
    for (const std::string& word : split(bytes, '\0')) {
        line += concat(" ", remote_word(word));
        script += concat(" ", shell_quote(word));
        wanted += concat(word, std::string_view{"\0", 1});
    }
    check(std::string{run_next_line}, concat(line, "\n"), wanted);
    check(script, {}, wanted);
}

} // namespace cpi::test
