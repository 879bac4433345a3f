#include "base/clock.h"
#include "base/undo.h"
#include "src/caught.h"
#include "src/child.h"

#include <thread>

namespace cpi::test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST_CASE("a deadline passes, and then nothing is left of it")
{
    const Deadline soon{5ms};
    const Deadline late{1h};
    CHECK_FALSE(late.passed());
    CHECK(late.left() > 59min);
    CHECK(late.left() <= 1h);
    std::this_thread::sleep_for(10ms);
    CHECK(soon.passed());
    CHECK(soon.left() == 0ms);
}

TEST_CASE("wait_until returns as soon as it happened")
{
    const auto begin = Clock::now();
    CHECK(wait_until(Deadline{1h}, [&] { return Clock::now() > begin + 20ms; }));
    CHECK(Clock::now() - begin < 2s);
}

TEST_CASE("wait_until says so when it does not happen in time, and looks once more at the end")
{
    const auto begin = Clock::now();
    int looks = 0;
    CHECK_FALSE(wait_until(Deadline{60ms}, [&] {
        ++looks;
        return false;
    }));
    CHECK(Clock::now() - begin >= 60ms);
    CHECK(Clock::now() - begin < 2s);
    CHECK(looks > 2);
}

TEST_CASE("wait_until looks a few times only, up to the end")
{
    int looks = 0;
    CHECK_FALSE(wait_until(Deadline{60ms}, [&] {
        ++looks;
        return false;
    }));
    CHECK(looks < 20);
}

TEST_CASE("wait_until looks once even when there is no time at all")
{
    CHECK(wait_until(Deadline{0ms}, [] { return true; }));
    CHECK_FALSE(wait_until(Deadline{0ms}, [] { return false; }));
}

TEST_CASE("what wait_until asks may throw")
{
    CHECK(caught([] {
              return wait_until(Deadline{1h}, []() -> bool { throw Error{ErrorKind::vm_not_found, "gone"}; });
          }).kind == ErrorKind::vm_not_found);
}

TEST_CASE("nothing is thrown as long as nobody asked the call to end")
{
    CHECK_NOTHROW(check_interrupt());
}

TEST_CASE("an interrupt ends a wait soon, as an error that says so")
{
    const std::string outcome = in_child([] {
        const auto begin = Clock::now();
        std::thread signaller{[] {
            std::this_thread::sleep_for(30ms);
            interrupt();
        }};
        const std::string what = caught([] { return wait_until(Deadline{20s}, [] { return false; }); }).what;
        signaller.join();
        return concat(what, Clock::now() - begin < 2s ? " (soon)" : " (late)");
    });
    check_says(outcome, {"interrupted by a signal", "(soon)"});
}

TEST_CASE("what has happened already is not lost to an interrupt")
{
    CHECK(in_child([] {
              interrupt();
              return wait_until(Deadline{1h}, [] { return true; }) ? "true" : "false";
          }) == "true");
}

TEST_CASE("an interrupt is not noticed behind a shield, and is noticed after it")
{
    CHECK(in_child([] {
              interrupt();
              std::string seen;
              {
                  const ShieldFromInterrupt outer;
                  {
                      const ShieldFromInterrupt inner;
                  }
                  seen += caught([] { return wait_until(Deadline{20ms}, [] { return false; }); }).what;
              }
              return seen + caught([] { return wait_until(Deadline{20s}, [] { return false; }); }).what;
          }) == "(nothing was thrown)the call was interrupted by a signal; what it had begun was undone");
}

TEST_CASE("undoing is shielded from an interrupt")
{
    CHECK(in_child([] {
              Log log;
              std::string seen = "not run";
              interrupt();
              {
                  Undo undo{log};
                  undo.add("wait", [&] {
                      check_interrupt();
                      seen = "ran to its end";
                  });
              }
              return seen;
          }) == "ran to its end");
}

TEST_CASE("the watchdog barks when its patience ends, and says at what")
{
    CHECK(in_child([] {
              const Watchdog watchdog{"starting VM vm-a", 1s};
              std::this_thread::sleep_for(20s);
              return "slept";
          }) == "died of signal 14");
    CHECK(in_child([] {
              const Watchdog watchdog{"starting VM vm-a", 20s};
              return Watchdog::overdue();
          }) == "starting VM vm-a");
}

TEST_CASE("the watchdog is silent when its work ends in time")
{
    CHECK(in_child([] {
              {
                  const Watchdog watchdog{"something quick", 1s};
              }
              std::this_thread::sleep_for(1300ms);
              return "slept";
          }) == "slept");
}

} // namespace cpi::test
