#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "base/pinned.h"

#include <functional>
#include <string>
#include <vector>

namespace cpi {

/// The steps that take back a half-done operation. Unless `keep` is called they
/// run in reverse order on the way out. One that fails where a second try can help has some seconds for more
/// of them, since what has just failed, such as libvirtd, may be about to come back; then it is logged, and
/// the rest run. A step is added before the action that it takes back, and is harmless when that never
/// happened.
class Undo : private Pinned {
public:
    explicit Undo(Log& log) : log_{log} {}
    ~Undo() { static_cast<void>(run()); }

    void add(std::string what, std::function<void()> step);
    void keep() noexcept { steps_.clear(); }
    /// Runs the steps now. False: one of them failed, and what it was to take back may still be there.
    [[nodiscard]] bool run() noexcept;

private:
    struct Step {
        std::string what;
        std::function<void()> run;
    };
    [[nodiscard]] bool take_back(const Step& step, const Deadline& deadline);

    Log& log_;
    std::vector<Step> steps_;
};

} // namespace cpi
