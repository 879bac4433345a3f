#pragma once

#include "base/pinned.h"
#include "base/secret.h"
#include "host/fd.h"

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace cpi {

/// How another machine is reached, and by which keys the two know each other.
struct SshAddress {
    std::string host; // a name, or an address of IPv4 or IPv6
    unsigned port = 22;
    std::string user;
    Secret private_key; // PEM
    Secret passphrase = {};
    std::string known_hosts = {}; // lines as in a file of that name, or as in a .pub file
    bool trusts_any_host = false;
    /// How long it may say nothing, not even that it is still there when asked.
    std::chrono::seconds patience{30};
};

/// While a command is at work the machine may be silent for so many times as long, as long as its kernel
/// still takes what it is sent: under load the SSH server is late.
inline constexpr int patience_with_work = 4;

/// "user@host", with the port where it is not the usual one; for people.
[[nodiscard]] std::string describe(const SshAddress& address);

/// A command that runs on the other machine.
class SshChannel;

/// Whether waiting ends when the call is interrupted. Undoing may still need a connection.
enum class Interrupts { are_heeded, are_not };

/// One connection to another machine. Its waits end when the machine is silent.
class SshSession : private Pinned {
public:
    /// Checks the host's key before anything else is said. A connection that is refused or reset before that
    /// is tried again a few times.
    explicit SshSession(const SshAddress& address, Interrupts interrupts = Interrupts::are_heeded);
    ~SshSession();

    /// Runs a command line in the user's login shell, whichever that is.
    [[nodiscard]] std::unique_ptr<SshChannel> execute(std::string_view line);
    /// False: the machine has been silent for too long.
    [[nodiscard]] bool is_alive() const;

private:
    friend class SshChannel;
    struct State;
    std::unique_ptr<State> state_;
};

class SshChannel : private Pinned {
public:
    SshChannel(SshSession& session, std::string_view line);
    ~SshChannel();

    /// False: the command has ended and takes no more.
    bool send(std::span<const char> bytes);
    /// There is no more to send.
    void finish();
    /// Waits until more has arrived in `out` or `err`. False: nothing more will.
    [[nodiscard]] bool receive();
    /// Carries bytes both ways between the command and a socket, until one of them has no more.
    void carry(const Fd& socket);

    // What has arrived and nobody has taken away yet.
    std::string out;
    std::string err;

private:
    [[nodiscard]] bool take_what_is_there();
    [[nodiscard]] bool has_ended() const;

    struct Handle;
    SshSession::State& session_;
    std::unique_ptr<Handle> handle_;
};

} // namespace cpi
