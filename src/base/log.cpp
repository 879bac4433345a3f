#include "base/log.h"

#include "base/text.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>

namespace cpi {

namespace {

std::string now_utc()
{
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, sizeof "2000-01-01T00:00:00Z"> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

} // namespace

void Log::write(std::string_view level, std::string_view line) noexcept
{
    try {
        const std::string whole = concat(now_utc(), ' ', request_id_, ' ', level, ": ",
                                         printable_utf8(redactor_.clean(std::string{line})), '\n');
        // One write, so that lines of parallel calls do not mix. Whoever reads stderr may be gone: that ends
        // no call.
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, whole.data(), whole.size());
    } catch (...) { // NOLINT(bugprone-empty-catch): a line that cannot be logged must not fail the call
    }
}

} // namespace cpi
