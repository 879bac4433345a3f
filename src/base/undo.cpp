#include "base/undo.h"

#include "base/error.h"
#include "base/text.h"

#include <exception>
#include <utility>

namespace cpi {

bool Undo::run() noexcept
{
    // Who ends the call by a signal waits for a little longer than that.
    constexpr std::chrono::seconds patience{15};
    const ShieldFromInterrupt shield;
    const Deadline deadline{patience};
    bool all = true;
    for (; !steps_.empty(); steps_.pop_back())
        all = take_back(steps_.back(), deadline) && all;
    return all;
}

bool Undo::take_back(const Step& step, const Deadline& deadline)
{
    std::string complaint;
    bool can_help = true;
    const auto is_done = [&] {
        try {
            step.run();
            complaint.clear();
        } catch (const Error& error) {
            complaint = error.message();
            can_help = error.ok_to_retry();
        } catch (const std::exception& error) {
            complaint = error.what();
            can_help = false;
        }
        return complaint.empty() || !can_help;
    };
    static_cast<void>(wait_until(deadline, is_done));
    if (!complaint.empty())
        log_.error(concat("could not ", step.what, ": ", complaint));
    return complaint.empty();
}

void Undo::add(std::string what, std::function<void()> step)
{
    steps_.push_back({std::move(what), std::move(step)});
}

} // namespace cpi
