#include "host/host.h"

#include "base/error.h"
#include "base/text.h"

namespace cpi {

std::string run_ok(Host& host, const Command& command)
{
    Output output = host.run(command);
    if (output.status == 0)
        return std::move(output.out);
    throw Error{says_disk_is_full(output.err) ? ErrorKind::no_disk_space : ErrorKind::cloud,
                concat("'", join(command.argv, " "), "' failed with status ", output.status, ": ",
                       trim(output.err.empty() ? output.out : output.err))};
}

} // namespace cpi
