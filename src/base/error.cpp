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

bool says_disk_is_full(std::string_view message)
{
    const auto has = [&](int error_number) {
        return message.find(std::generic_category().message(error_number)) != std::string_view::npos;
    };
    return has(ENOSPC) || has(EDQUOT);
}

} // namespace cpi
