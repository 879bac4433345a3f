#include "cpi/operator/commands.h"

#include <cstdlib>
#include <span>
#include <string>
#include <vector>

int main(int argc, char** argv)
{
    // Boost.Filesystem throws where the user's locale is not installed, which it need not be.
    ::setenv("LC_ALL", "C", 1); // NOLINT(concurrency-mt-unsafe): there is one thread yet
    const std::span arguments{argv, static_cast<std::size_t>(argc)};
    const std::vector<std::string> words{arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end()};
    return cpi::run(words, LIBVIRT_CPI_VERSION);
}
