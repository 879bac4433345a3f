#pragma once

#include "base/pinned.h"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace cpi {

/// A point in time by which something must have happened.
class Deadline {
public:
    explicit Deadline(std::chrono::milliseconds from_now) : at_{Clock::now() + from_now} {}
    [[nodiscard]] bool passed() const { return Clock::now() >= at_; }
    [[nodiscard]] std::chrono::milliseconds left() const;

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point at_;
};

/// Asks `happened` again and again, with growing pauses, until it says yes (true) or the deadline passes
/// (false).
[[nodiscard]] bool wait_until(const Deadline& deadline, const std::function<bool()>& happened);

/// Asks the call to end: the next pause throws. Safe in a signal handler and from another thread.
void interrupt() noexcept;

/// Throws when the call was asked to end.
void check_interrupt();

/// While it lives an interrupt is not noticed, so that undoing can take its time.
class ShieldFromInterrupt : private Pinned {
public:
    ShieldFromInterrupt() noexcept;
    ~ShieldFromInterrupt();
};

/// For calls into libraries that cannot be interrupted: when `patience` runs out before this object is gone,
/// SIGALRM is sent to the process. Whoever handles it learns from `overdue` what took too long.
class Watchdog : private Pinned {
public:
    Watchdog(std::string_view doing, std::chrono::seconds patience);
    ~Watchdog();
    [[nodiscard]] static std::string overdue();
};

} // namespace cpi
