#include "base/clock.h"

#include "base/error.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>

namespace cpi {

namespace {

std::atomic<bool> interrupted{false};
std::atomic<int> shields{0};

std::mutex watched_mutex;
std::string watched; // NOLINT(cert-err58-cpp): an empty string's constructor does not throw

} // namespace

std::chrono::milliseconds Deadline::left() const
{
    using std::chrono::milliseconds;
    return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(at_ - Clock::now()));
}

bool wait_until(const Deadline& deadline, const std::function<bool()>& happened)
{
    constexpr std::chrono::milliseconds longest{250};
    for (std::chrono::milliseconds pause{2};; pause = std::min(pause * 2, longest)) {
        if (happened())
            return true;
        if (deadline.passed())
            return false;
        check_interrupt();
        std::this_thread::sleep_for(std::min(pause, deadline.left()));
    }
}

void interrupt() noexcept
{
    interrupted = true;
}

void check_interrupt()
{
    if (interrupted && shields == 0)
        throw Error{ErrorKind::cloud, "the call was interrupted by a signal; what it had begun was undone"};
}

ShieldFromInterrupt::ShieldFromInterrupt() noexcept
{
    ++shields;
}

ShieldFromInterrupt::~ShieldFromInterrupt()
{
    --shields;
}

Watchdog::Watchdog(std::string_view doing, std::chrono::seconds patience)
{
    const std::lock_guard guard{watched_mutex};
    watched = doing;
    ::alarm(static_cast<unsigned>(patience.count()));
}

Watchdog::~Watchdog()
{
    ::alarm(0);
}

std::string Watchdog::overdue()
{
    const std::lock_guard guard{watched_mutex};
    return watched;
}

} // namespace cpi
