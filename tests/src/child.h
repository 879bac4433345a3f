#pragma once

#include "base/pinned.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

namespace cpi::test {

/// Runs a function in a process of its own, for what would outlive the test (an interrupt) or end it (a
/// signal).
class Child : private Pinned {
public:
    explicit Child(const std::function<std::string()>& body)
    {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), 0) != 0)
            throw std::runtime_error{"pipe"};
        pid_ = ::fork();
        if (pid_ == 0) {
            for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTERM, SIGINT})
                std::signal(signal, SIG_DFL); // doctest's handlers would report as if the test ended here
            ::close(ends[0]);
            out_ = ends[1];
            say(outcome_of(body));
            ::_exit(0);
        }
        ::close(ends[1]);
        out_ = ends[0];
    }
    ~Child()
    {
        if (pid_ > 0)
            kill();
        ::close(out_);
    }

    /// What the function returned, or how it ended otherwise.
    [[nodiscard]] std::string result()
    {
        std::string text;
        std::array<char, 4096> buffer{};
        for (ssize_t got = 0; (got = ::read(out_, buffer.data(), buffer.size())) > 0;)
            text.append(buffer.data(), static_cast<std::size_t>(got));
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFSIGNALED(status) ? "died of signal " + std::to_string(WTERMSIG(status)) : text;
    }
    /// Ends it without a chance to tidy up.
    void kill()
    {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

private:
    static std::string outcome_of(const std::function<std::string()>& body)
    {
        try {
            return body();
        } catch (const std::exception& error) {
            return std::string{"threw: "} + error.what();
        }
    }
    void say(const std::string& text) const
    {
        [[maybe_unused]] const ssize_t written = ::write(out_, text.data(), text.size());
    }

    pid_t pid_ = -1;
    int out_ = -1;
};

[[nodiscard]] inline std::string in_child(const std::function<std::string()>& body)
{
    return Child{body}.result();
}

} // namespace cpi::test
