#include "base/undo.h"

#include "base/clock.h"
#include "base/text.h"

#include <exception>
#include <utility>

namespace cpi {

Undo::~Undo()
{
    const ShieldFromInterrupt shield;
    for (; !steps_.empty(); steps_.pop_back()) {
        try {
            steps_.back().run();
        } catch (const std::exception& error) {
            log_.error(concat("could not ", steps_.back().what, ": ", error.what()));
        }
    }
}

void Undo::add(std::string what, std::function<void()> step)
{
    steps_.push_back({std::move(what), std::move(step)});
}

} // namespace cpi
