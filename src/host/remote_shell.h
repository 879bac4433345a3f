#pragma once

#include "host/host.h"
#include "host/ssh_session.h"

#include <memory>
#include <string>
#include <string_view>

namespace cpi {

/// What a remote shell is told first: what programs say is read by programs here; those of root are found;
/// `N` is a line's end.
inline constexpr std::string_view remote_environment =
    R"(LC_ALL=C.UTF-8; export LC_ALL; PATH=$PATH:/usr/sbin:/sbin; N=$(printf '\nx'); N=${N%x}; )";

/// A word for such a shell, which reads line by line.
[[nodiscard]] std::string remote_word(std::string_view word);

/// A POSIX shell on another machine, whatever the user's login shell is, that does one thing after the other.
/// All goes over one channel: a thing costs one round trip.
///
/// When the connection breaks, the shell ends and lets go of its locks: it keeps saying something, so that
/// the other machine notices that nobody hears it.
class RemoteShell : private Pinned {
public:
    explicit RemoteShell(SshSession& session);

    /// Runs lines of shell, which read `input`.
    [[nodiscard]] Output run(std::string_view script, const Secret& input = {});
    /// The same, without an answer.
    void tell(std::string_view script);
    /// Ends it and all that it has started, at once.
    void end() noexcept;

private:
    void send(std::string_view line);
    [[nodiscard]] bool has_answer() const;

    SshSession& session_;
    std::string nonce_;
    std::string process_; // its number there
    std::unique_ptr<SshChannel> channel_;
};

/// The command line that makes any login shell run the script that is then sent as one line, with the rest of
/// what is sent as its input.
inline constexpr std::string_view run_next_line = "exec /bin/sh -c 'IFS= read -r l; eval \"$l\"'";

/// Passes over what the user's login shell has to say before the line with `mark`; that line, from the mark
/// on.
std::string skip_to(SshChannel& channel, std::string& text, std::string_view mark);

} // namespace cpi
