#pragma once

#include "base/log.h"
#include "base/pinned.h"

#include <functional>
#include <string>
#include <vector>

namespace cpi {

/// The steps that take back a half-done operation. Unless `keep` is called they
/// run in reverse order on the way out; one that fails is logged and the rest run.
/// A step is added before the action that it takes back, and is harmless when that never happened.
class Undo : private Pinned {
public:
    explicit Undo(Log& log) : log_{log} {}
    ~Undo();

    void add(std::string what, std::function<void()> step);
    void keep() noexcept { steps_.clear(); }

private:
    struct Step {
        std::string what;
        std::function<void()> run;
    };
    Log& log_;
    std::vector<Step> steps_;
};

} // namespace cpi
