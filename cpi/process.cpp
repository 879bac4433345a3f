#include "cpi/process.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>
#include <vector>

namespace cpi {

namespace {

sigset_t handled_signals()
{
    sigset_t signals{};
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGALRM})
        sigaddset(&signals, signal);
    return signals;
}

/// Waits for a signal, and returns it. When the caller has gone, so that nobody will ever know what the call
/// has made, that is one, too. No `listener`: nobody needs to listen.
int wait_for_end(const sigset_t& signals, int listener)
{
    const Fd incoming{::signalfd(-1, &signals, SFD_CLOEXEC)};
    std::array<pollfd, 2> watched{{{incoming.get(), POLLIN, 0}, {listener, 0, 0}}};
    while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
    }
    signalfd_siginfo signal{};
    const bool is_signal =
        watched[0].revents != 0 && ::read(incoming.get(), &signal, sizeof signal) == sizeof signal;
    return is_signal ? static_cast<int>(signal.ssi_signo) : SIGHUP;
}

/// What a call leaves that did not get to undo it is removed by the next one.
void watch_signals(const std::function<void(const std::string& message)>& give_up, int status, int listener)
{
    constexpr std::chrono::seconds time_to_undo{20};
    const sigset_t signals = handled_signals();
    int signal = wait_for_end(signals, listener);
    std::string message =
        "the call was ended by a signal before it could undo what it had begun; the next call does";
    if (signal != SIGALRM) {
        interrupt();
        // One signal often comes twice, from a shell and from its process group: only time ends the undoing.
        for (const Deadline deadline{time_to_undo}; signal != SIGALRM && !deadline.passed();) {
            constexpr timespec second{1, 0};
            signal = sigtimedwait(&signals, nullptr, &second);
        }
    }
    if (signal == SIGALRM)
        message =
            concat(Watchdog::overdue(), ": libvirt did not answer in time. Try: systemctl status libvirtd");
    give_up(message);
    ::_exit(status);
}

} // namespace

Responder::Responder() : out_{::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)}
{
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
}

void Responder::respond(std::string_view document) noexcept
{
    if (answered_.exchange(true))
        return;
    while (!document.empty()) {
        const ssize_t written = ::write(out_.get(), document.data(), document.size());
        if (written < 0 && errno != EINTR)
            return; // nobody listens any more
        if (written > 0)
            document.remove_prefix(static_cast<std::size_t>(written));
    }
}

void ensure_standard_descriptors()
{
    for (;;) {
        const int fd = ::open("/dev/null", O_RDWR); // NOLINT: these are to be inherited
        if (fd > STDERR_FILENO || fd < 0) {
            if (fd >= 0)
                ::close(fd);
            return;
        }
    }
}

void require_descriptors()
{
    constexpr rlim_t plenty = 1024;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < std::min(plenty, limit.rlim_max)) {
        limit.rlim_cur = std::min(plenty, limit.rlim_max);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    constexpr std::size_t needed = 48;
    std::vector<Fd> free;
    while (free.size() < needed) {
        free.emplace_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
        if (!free.back())
            throw Error{ErrorKind::cloud,
                        concat("the CPI may open ", free.size() - 1, " files more, and needs ", needed,
                               ". Try: ulimit -n ", plenty)};
    }
}

void end_in_order(std::function<void(const std::string& message)> give_up, int status, int listener)
{
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // then a write that goes too far is an error
    ::umask(S_IRWXG | S_IRWXO);    // images hold what guests keep secret
    const sigset_t signals = handled_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread{[give_up = std::move(give_up), status, listener] {
        watch_signals(give_up, status, listener);
    }}.detach();
}

std::string read_all(int fd)
{
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

} // namespace cpi
