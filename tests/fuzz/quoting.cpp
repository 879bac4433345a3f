#include "fuzz/quoting.h"

#include "base/text.h"
#include "host/remote_shell.h"
#include "support/cpi_process.h"

#include <stdexcept>

namespace cpi::test {

namespace {

void check(const std::string& given, const Ran& ran, const std::string& wanted)
{
    if (ran.out != wanted)
        throw std::runtime_error{concat("a shell reads it otherwise: ", given)};
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
    check(line, run_program({"/bin/sh", "-c", std::string{run_next_line}}, concat(line, "\n")), wanted);
    check(script, run_program({"/bin/sh", "-c", script}), wanted);
}

} // namespace cpi::test
