#include "base/error.h"
#include "base/undo.h"
#include "src/child.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

/// Sends what is written to stderr to nowhere, for tests of failures that are logged.
std::string with_stderr(const std::function<void()>& body)
{
    return in_child([&] {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), 0) != 0)
            return std::string{"no pipe"};
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[1]);
        body();
        ::close(STDERR_FILENO);
        std::array<char, 4096> buffer{};
        const ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
        return std::string{buffer.data(), static_cast<std::size_t>(got)};
    });
}

} // namespace

TEST_CASE("what was begun is undone in reverse order")
{
    Log log;
    std::string done;
    {
        Undo undo{log};
        undo.add("one", [&] { done += "1"; });
        undo.add("two", [&] { done += "2"; });
        undo.add("three", [&] { done += "3"; });
        CHECK(done.empty());
    }
    CHECK(done == "321");
}

TEST_CASE("what is kept is not undone, and what is added later is")
{
    Log log;
    std::string done;
    {
        Undo undo{log};
        undo.add("one", [&] { done += "1"; });
        undo.keep();
        undo.add("two", [&] { done += "2"; });
    }
    CHECK(done == "2");
}

TEST_CASE("undoing happens on the way out of an exception, which goes on")
{
    Log log;
    std::string done;
    const auto fail = [&] {
        Undo undo{log};
        undo.add("one", [&] { done += "1"; });
        throw Error{ErrorKind::cloud, "the reason"};
    };
    CHECK_THROWS_WITH_AS(fail(), "the reason", Error);
    CHECK(done == "1");
}

TEST_CASE("an undoing step that fails is logged and does not stop the others")
{
    const std::string logged = with_stderr([] {
        std::string done;
        {
            Log log;
            log.set_request("cpi-7");
            Undo undo{log};
            undo.add("remove the first", [&] { done += "1"; });
            undo.add("remove the second", [] { throw Error{ErrorKind::cloud, "it is busy"}; });
            undo.add("remove the third", [&] { done += "3"; });
        }
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, done.data(), done.size());
    });
    CHECK(logged.find(" cpi-7 error: could not remove the second: it is busy\n") != std::string::npos);
    CHECK(logged.ends_with("\n31"));
}

TEST_CASE("an undoing step that may succeed later is tried again, and whether all did is known")
{
    Log log;
    int tries = 0;
    std::string done;
    Undo undo{log};
    undo.add("one", [&] { done += "1"; });
    undo.add("two", [&] {
        if (++tries < 4)
            throw Error{ErrorKind::cloud, "libvirtd is not there", Retry::yes};
        done += "2";
    });
    CHECK(undo.run());
    CHECK(done == "21");
    CHECK(undo.run()); // there is no more to do
    CHECK(done == "21");

    CHECK(with_stderr([] {
              Log own;
              Undo failing{own};
              int calls = 0;
              failing.add("three", [&] {
                  ++calls;
                  throw Error{ErrorKind::cloud, "it is busy"};
              });
              if (!failing.run() && calls == 1)
                  own.info("known");
          }).find("info: known") != std::string::npos);
}

TEST_CASE("a log line names time, request and level, and neither secrets nor control characters are in it")
{
    const std::string logged = with_stderr([] {
        Log log;
        log.redactor().hide("open-sesame");
        log.info("before the request is known");
        log.set_request("cpi-42");
        log.warning("the word is open-sesame\x1b[31m");
    });
    CAPTURE(logged);
    CHECK(logged.find("open-sesame") == std::string::npos);
    CHECK(logged.find("Z - info: before the request is known\n") == 19);
    CHECK(logged.find("Z cpi-42 warning: the word is <redacted>\xef\xbf\xbd[31m\n") != std::string::npos);
}

} // namespace cpi::test
