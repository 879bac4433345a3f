#include "base/error.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace cpi {

namespace {

/// Of the kernel, of a shell whose program it has ended, and of qemu-img.
constexpr std::array<std::string_view, 3> says_too_large{"File too large", "File size limit exceeded",
                                                         "size is too large"};
constexpr std::string_view advice_on_too_large =
    ". Try: a smaller disk, or let the CPI's user write larger files: ulimit -f";

/// In the words of the C library, which programs say, too.
std::errc code_in(std::string_view message)
{
    constexpr std::array told_apart{std::errc::permission_denied, std::errc::no_space_on_device};
    const auto* const code = std::ranges::find_if(told_apart, [&](std::errc one) {
        return message.find(std::make_error_code(one).message()) != std::string_view::npos;
    });
    return code == told_apart.end() ? std::errc{} : *code;
}

bool is_too_large(std::string_view message)
{
    return has_any(message, says_too_large);
}

} // namespace

Error system_error(std::string_view doing, int error_number)
{
    return programs_error(doing, std::generic_category().message(error_number));
}

Error programs_error(std::string_view doing, std::string_view words)
{
    return {says_disk_is_full(words) ? ErrorKind::no_disk_space : ErrorKind::cloud,
            concat(doing, ": ", words, is_too_large(words) ? advice_on_too_large : ""),
            Retry::no,
            {},
            code_in(words)};
}

bool says_disk_is_full(std::string_view message)
{
    const auto has = [&](int error_number) {
        return message.find(std::generic_category().message(error_number)) != std::string_view::npos;
    };
    return has(ENOSPC) || has(EDQUOT) || is_too_large(message);
}

} // namespace cpi
