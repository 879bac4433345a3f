// The programs that any host runs: see host_test.cpp.

#include "src/caught.h"
#include "src/child.h"
#include "src/host/make_host.h"
#include "support/temp_dir.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <thread>

namespace cpi::test {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Output run(const std::vector<std::string>& argv)
{
    return make_host()->run({argv});
}

/// A number of seconds that no other process is told to sleep.
std::string own_time(std::string_view seconds)
{
    static const auto self = ::getpid();
    return concat(seconds, '.', self);
}

} // namespace

TEST_CASE("a program's status, output and error output are told apart")
{
    const Output output = run({"sh", "-c", "echo out; echo err >&2; exit 7"});
    CHECK(output.status == 7);
    CHECK(output.out == "out\n");
    CHECK(output.err == "err\n");
    CHECK(run({"true"}).status == 0);
    CHECK(run({"true"}).out.empty());
}

TEST_CASE(
    "a program that a signal has ended has the status that a shell gives it, and the error names the signal")
{
    CHECK(run({"sh", "-c", "kill -KILL $$"}).status == 137);
    CHECK(run({"sh", "-c", "kill -XFSZ $$"}).status == 153);
    const Caught error = caught([] {
        return run_ok(*make_host(), {{"sh", "-c", "echo said >&2; kill -XFSZ $$"}}).size();
    });
    CHECK(error.kind == ErrorKind::no_disk_space);
    check_says(error.what, {"was ended by a signal: File size limit exceeded: said", "ulimit -f"});
}

TEST_CASE("no shell looks at a program's words")
{
    for (const std::string word : {"a b", "$HOME", "`id`", "*", "it's", "\"quoted\"", "'single'", "\"",
                                   "a\"b", "\\", "~", ";ls", ">x", "\n", "-", "\xff", "ä", " ", "\" \""}) {
        CAPTURE(word);
        CHECK(run({"printf", "%s", word}).out == word);
        CHECK(run({"printf", "%s|", "before", word, "after"}).out == concat("before|", word, "|after|"));
    }
}

TEST_CASE("a program that is not there is an error that names it")
{
    const Caught by_name = caught([] { return run({"no-such-program-here", "x"}).status; });
    CHECK(by_name.kind == ErrorKind::cloud);
    check_says(by_name.what, {"cannot run 'no-such-program-here'", "Try: install"});
    const Caught by_path = caught([] { return run({"/no/such/program", "x"}).status; });
    CHECK(by_path.kind == ErrorKind::cloud);
    check_says(by_path.what, {"cannot run '/no/such/program x'", "No such file or directory"});
    CHECK(caught([] { return run({"/etc/passwd"}).status; }).kind == ErrorKind::cloud);
    CHECK(caught([] { return run({"/etc"}).status; }).kind == ErrorKind::cloud);
}

TEST_CASE("a program that a signal ends has not succeeded")
{
    CHECK(run({"sh", "-c", "kill -KILL $$"}).status != 0);
    CHECK(run({"sh", "-c", "kill -TERM $$"}).status != 0);
}

TEST_CASE("a program that overruns its patience is ended, soon, and is the error")
{
    const auto begin = Clock::now();
    const Caught error = caught([] { return make_host()->run({{"sleep", own_time("61")}, 1s}).status; });
    CHECK(Clock::now() - begin >= 1s);
    CHECK(Clock::now() - begin < 5s);
    CHECK(error.kind == ErrorKind::cloud);
    CHECK(error.what == concat("'sleep ", own_time("61"), "' did not end within 1 s"));
    CHECK(run({"pgrep", "-f", concat("^sleep ", own_time("61"))}).status == 1);
}

TEST_CASE("a program that has closed its output is waited for no longer than its patience")
{
    const std::string outcome = in_child([] {
        const auto begin = Clock::now();
        const std::string what =
            caught([] {
                return make_host()->run({{"sh", "-c", "exec >&- 2>&-; exec sleep 2.7"}, 1s}).status;
            }).what;
        return concat(what, Clock::now() - begin < 2s ? " (soon)" : " (late)");
    });
    check_says(outcome, {"did not end within 1 s", "(soon)"});
}

TEST_CASE("the children of a program that is ended are ended with it")
{
    static_cast<void>(caught([] {
        return make_host()->run({{"sh", "-c", concat("sleep ", own_time("5"), "; true")}, 1s}).status;
    }));
    std::this_thread::sleep_for(200ms);
    CHECK(run({"pgrep", "-f", concat("^sleep ", own_time("5"))}).status == 1);
}

TEST_CASE("an interrupt ends a program that is waited for")
{
    const std::string outcome = in_child([] {
        const auto begin = Clock::now();
        std::thread signaller{[] {
            std::this_thread::sleep_for(100ms);
            interrupt();
        }};
        const std::string what = caught([] { return run({"sleep", own_time("62")}).status; }).what;
        signaller.join();
        return concat(what, Clock::now() - begin < 5s ? " (soon)" : " (late)");
    });
    check_says(outcome, {"interrupted by a signal", "(soon)"});
    CHECK(run({"pgrep", "-f", concat("^sleep ", own_time("62"))}).status == 1);
}

TEST_CASE("ten megabytes on both streams at once arrive whole")
{
    const Output output =
        run({"sh", "-c", "head -c 10000000 /dev/zero & head -c 10000000 /dev/zero >&2; wait"});
    CHECK(output.status == 0);
    CHECK(output.out.size() == 10'000'000);
    CHECK(output.err.size() == 10'000'000);
}

TEST_CASE("a program has nothing to read, speaks English, and gets ordinary signals")
{
    CHECK(run({"cat"}).out.empty());
    CHECK(run({"sh", "-c", "echo $LC_ALL"}).out == "C.UTF-8\n");
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), 0) == 0);
    CHECK(run({"sh", "-c", "ls /proc/self/fd | wc -l"}).out == "4\n"); // with the one by which ls reads that
    ::close(ends[0]);
    ::close(ends[1]);
    const std::string outcome = in_child([] {
        // A shell that is not interactive ignores the second and third of these for what it starts with `&`.
        for (const int ignored : {SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGUSR1, SIGRTMIN})
            std::signal(ignored, SIG_IGN);
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, nullptr);
        return run({"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}).out;
    });
    check_says(outcome, {"SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"});
}

TEST_CASE("a program inherits no open file")
{
    const TempDir folder;
    const auto host = make_host();
    const auto lock = host->create_locked(folder.path() / "held");
    CHECK(host->run({{"sh", "-c", "ls -l /proc/self/fd"}}).out.find("held") == std::string::npos);
}

TEST_CASE("a program inherits no open file from a kernel that cannot close all at once")
{
    const std::string open_files = in_child([] {
        // As kernels before 5.11 answer.
        sock_filter is_close_range[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        sock_fprog filter{4, is_close_range};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0 || ::open("/dev/zero", O_RDONLY) < 0)
            return std::string{"no filter"};
        return run({"ls", "-l", "/proc/self/fd"}).out;
    });
    check_says(open_files, {"0 ->", "1 ->", "2 ->"});
    check_hides(open_files, "/dev/zero");
}

TEST_CASE("run_ok returns the output, or throws what the program said")
{
    const auto host = make_host();
    CHECK(run_ok(*host, {{"echo", "x"}}) == "x\n");
    const Caught error = caught([&] { return run_ok(*host, {{"sh", "-c", "echo ' reason ' >&2; exit 3"}}); });
    CHECK(error.kind == ErrorKind::cloud);
    CHECK(error.what == "'sh -c echo ' reason ' >&2; exit 3' failed with status 3: reason");
    check_says(caught([&] {
                   return run_ok(*host, {{"sh", "-c", "echo only out; exit 1"}});
               }).what,
               {"status 1: only out"});
}

TEST_CASE("a program that fails for want of room is no_disk_space")
{
    const auto host = make_host();
    for (const auto* words : {"No space left on device", "Disk quota exceeded"})
        CHECK(caught([&] {
                  return run_ok(*host, {{"sh", "-c", concat("echo x: ", words, " >&2; exit 1")}});
              }).kind == ErrorKind::no_disk_space);
}

TEST_CASE("a program reads what it is given, and nothing more")
{
    const std::string long_text(200'000, 'x');
    CHECK(make_host()->run({{"cat"}, 10s, Secret{"in"}}).out == "in");
    CHECK((make_host()->run({{"cat"}, 10s, Secret{long_text}}).out == long_text));
    // The CPI ignores SIGPIPE, as this child does.
    CHECK(in_child([&] {
              std::signal(SIGPIPE, SIG_IGN);
              return std::to_string(make_host()->run({{"false"}, 10s, Secret{long_text}}).status);
          }) == "1");
    CHECK(run({"cat"}).out.empty());
}

} // namespace cpi::test
