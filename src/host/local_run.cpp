#include "base/error.h"
#include "base/text.h"
#include "host/local_host.h"

#include <boost/asio/io_context.hpp>
#include <boost/process/args.hpp>
#include <boost/process/async.hpp>
#include <boost/process/child.hpp>
#include <boost/process/env.hpp>
#include <boost/process/environment.hpp>
#include <boost/process/exe.hpp>
#include <boost/process/extend.hpp>
#include <boost/process/io.hpp>
#include <boost/process/search_path.hpp>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <future>

namespace cpi {

namespace {

namespace bp = boost::process;

/// Nothing but the standard streams goes on to the program.
void close_the_rest_on_exec()
{
    if (::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    // Kernels before 5.11 cannot. We open few files, and low numbers come first.
    constexpr int most = 1024;
    for (int fd = STDERR_FILENO + 1; fd < most; ++fd)
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/// What ignores a signal, as shells do for what they start with `&`, has its children ignore it.
void take_signals_as_usual()
{
    for (int signal = 1; signal < NSIG; ++signal)
        std::signal(signal, SIG_DFL); // refused for those that nobody can ignore
    sigset_t none{};
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr); // NOLINT(concurrency-mt-unsafe): the child has one thread
}

/// How a child starts: with ordinary signals, whatever the CPI has inherited or arranged for itself; as the
/// head of a process group, so that it can be ended with all that it started; not to live on when the CPI is
/// killed; and with nothing open but its standard streams: a service that it starts would keep the rest open.
struct ChildsTerms : bp::extend::handler {
    template <class Executor>
    void on_exec_setup(Executor& /*executor*/) const
    {
        take_signals_as_usual();
        close_the_rest_on_exec();
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
};

/// Waits for the end of both outputs and then of the child. False: the patience ran out first.
bool wait_for(bp::child& child, boost::asio::io_context& io, const Deadline& deadline)
{
    while (!io.stopped() && !deadline.passed()) {
        io.run_for(std::min(deadline.left(), std::chrono::milliseconds{250}));
        check_interrupt();
    }
    return wait_until(deadline, [&child] { return !child.running(); });
}

int status_of(const bp::child& child)
{
    const int status = child.native_exit_code();
    return WIFSIGNALED(status) ? ended_by_signal + WTERMSIG(status) : WEXITSTATUS(status);
}

void end(bp::child& child)
{
    ::kill(-child.id(), SIGKILL);
    child.wait();
}

boost::filesystem::path find_program(const std::string& name)
{
    if (name.find('/') != std::string::npos)
        return name;
    auto found = bp::search_path(name);
    if (found.empty()) // those that only root is expected to call
        found = bp::search_path(name, {"/usr/sbin", "/sbin"});
    if (found.empty())
        throw no_such_program(name);
    return found;
}

} // namespace

Output LocalHost::run(const Command& command)
{
    // Boost.Process 1.74 looks at the first character of each word.
    if (command.argv.empty() || std::ranges::any_of(command.argv, &std::string::empty))
        throw Error{ErrorKind::cpi, "cannot run a command with an empty word"};

    const std::vector<std::string> arguments{command.argv.begin() + 1, command.argv.end()};
    const std::string& input = command.input.reveal();
    bp::environment environment = boost::this_process::environment();
    environment["LC_ALL"] = "C.UTF-8"; // what programs say is read by programs here

    boost::asio::io_context io;
    std::future<std::string> out;
    std::future<std::string> err;
    try {
        bp::child child{bp::exe = find_program(command.argv.front()),
                        bp::args = arguments,
                        environment,
                        bp::std_in<bp::buffer(input), bp::std_out>
                            out,
                        bp::std_err > err,
                        io,
                        ChildsTerms{}};
        bool in_time = false;
        try {
            in_time = wait_for(child, io, Deadline{command.patience});
        } catch (...) {
            end(child);
            throw;
        }
        if (!in_time) {
            end(child);
            throw Error{ErrorKind::cloud, concat("'", join(command.argv, " "), "' did not end within ",
                                                 command.patience.count(), " s")};
        }
        return {status_of(child), out.get(), err.get()};
    } catch (const bp::process_error& error) {
        throw Error{ErrorKind::cloud, concat("cannot run '", join(command.argv, " "), "': ", error.what())};
    }
}

} // namespace cpi
