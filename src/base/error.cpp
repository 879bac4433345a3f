#include "base/error.h"

#include <system_error>

#include <cerrno>

namespace cpi {

Error system_error(std::string_view doing, int error_number)
{
    const bool full = error_number == ENOSPC || error_number == EDQUOT;
    return {full ? ErrorKind::no_disk_space : ErrorKind::cloud,
            concat(doing, ": ", std::generic_category().message(error_number))};
}

} // namespace cpi
