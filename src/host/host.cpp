#include "host/host.h"

#include "base/error.h"
#include "base/text.h"

namespace cpi {

std::string run_ok(Host& host, const Command& command)
{
    Output output = host.run(command);
    if (output.status == 0)
        return std::move(output.out);
    const bool full = output.err.find("No space left on device") != std::string::npos ||
                      output.err.find("Disk quota exceeded") != std::string::npos;
    throw Error{full ? ErrorKind::no_disk_space : ErrorKind::cloud,
                concat("'", join(command.argv, " "), "' failed with status ", output.status, ": ",
                       trim(output.err.empty() ? output.out : output.err))};
}

} // namespace cpi
