#include "base/error.h"

#include <array>
#include <cerrno>

namespace cpi {

namespace {

/// Of the kernel, of a shell whose program it has ended, and of qemu-img.
constexpr std::array<std::string_view, 3> says_too_large{"File too large", "File size limit exceeded",
                                                         "size is too large"};
constexpr std::string_view advice_on_too_large =
    ". Try: a smaller disk, or let the CPI's user write larger files: ulimit -f";

bool is_too_large(std::string_view message)
{
    return has_any(message, says_too_large);
}

Error failed_with(std::string_view doing, std::string_view words, std::errc code)
{
    return {says_disk_is_full(words) ? ErrorKind::no_disk_space : ErrorKind::cloud,
            concat(doing, ": ", words, is_too_large(words) ? advice_on_too_large : ""),
            Retry::no,
            {},
            code};
}

} // namespace

Error system_error(std::string_view doing, int error_number)
{
    return failed_with(doing, std::generic_category().message(error_number),
                       static_cast<std::errc>(error_number));
}

Error programs_error(std::string_view doing, std::string_view words)
{
    const std::string denied = std::generic_category().message(EACCES);
    return failed_with(doing, words,
                       words.find(denied) == std::string_view::npos ? std::errc{}
                                                                    : std::errc::permission_denied);
}

bool says_disk_is_full(std::string_view message)
{
    const auto has = [&](int error_number) {
        return message.find(std::generic_category().message(error_number)) != std::string_view::npos;
    };
    return has(ENOSPC) || has(EDQUOT) || is_too_large(message);
}

} // namespace cpi
