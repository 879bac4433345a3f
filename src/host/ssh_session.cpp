#include "host/ssh_session.h"

#include "base/clock.h"
#include "base/error.h"
#include "host/fd.h"
#include "host/host_keys.h"
#include "host/ssh_api.h"
#include "host/tcp.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>
#include <utility>

namespace cpi {

namespace {

using namespace std::chrono_literals;

struct FreeSession {
    void operator()(LIBSSH2_SESSION* session) const noexcept { ssh_api().libssh2_session_free(session); }
};
using SessionPtr = std::unique_ptr<LIBSSH2_SESSION, FreeSession>;

} // namespace

std::string describe(const SshAddress& address)
{
    constexpr unsigned usual_port = 22;
    const std::string port = address.port == usual_port ? "" : concat(" port ", address.port);
    return concat(address.user, "@", address.host, port);
}

struct SshSession::State {
    explicit State(const SshAddress& address);

    /// Repeats a step of libssh2's as long as it would have to wait.
    template <class Step>
    auto settle(Step step)
    {
        for (;;) {
            const auto outcome = step();
            if (outcome != LIBSSH2_ERROR_EAGAIN)
                return outcome;
            wait();
        }
    }
    /// Waits for the machine, for a moment, or for another socket to have something to read.
    void wait(int other_socket = -1);
    [[noreturn]] void fail(std::string_view doing) const;
    void shake_hands(const SshAddress& address);
    void log_in(const SshAddress& address);

    /// Since when it is silent counts anew.
    void hear();
    [[nodiscard]] bool is_gone() const;
    [[noreturn]] void give_up();

    std::string name;
    Fd socket;
    SessionPtr ssh;
    std::chrono::seconds patience;
    Deadline silence{patience};
    Deadline silence_with_work{patience * patience_with_work};
    bool is_met = false;   // its key is the right one
    bool has_work = false; // a command was begun
    bool is_lost = false;
    Interrupts interrupts = Interrupts::are_heeded;
};

SshSession::State::State(const SshAddress& address)
    : name{describe(address)}, socket{connect_to(address.host, address.port)},
      ssh{ssh_api().libssh2_session_init_ex(nullptr, nullptr, nullptr, nullptr)}, patience{address.patience}
{
    if (!ssh)
        throw std::bad_alloc{};
    ssh_api().libssh2_session_set_blocking(ssh.get(), 0);
    shake_hands(address);
    log_in(address);
    constexpr int questions = 3; // of which one must be answered
    ssh_api().libssh2_keepalive_config(ssh.get(), 1, static_cast<unsigned>(patience.count() / questions));
}

void SshSession::State::wait(int other_socket)
{
    if (interrupts == Interrupts::are_heeded)
        check_interrupt();
    const int directions = ssh_api().libssh2_session_block_directions(ssh.get());
    const bool is_sending = (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0;
    // What is half sent must go on before anything else.
    int next = 0;
    if (is_met && !is_sending)
        ssh_api().libssh2_keepalive_send(ssh.get(), &next);
    constexpr int milliseconds = 250; // then an interrupt is noticed
    const auto events = static_cast<short>(POLLIN | (is_sending ? POLLOUT : 0));
    std::array watched{pollfd{.fd = socket.get(), .events = events, .revents = 0},
                       pollfd{.fd = other_socket, .events = POLLIN, .revents = 0}};
    ::poll(watched.data(), watched.size(), milliseconds);
    if (watched.front().revents != 0)
        hear();
    else if (is_gone())
        give_up();
}

void SshSession::State::hear()
{
    silence = Deadline{patience};
    silence_with_work = Deadline{patience * patience_with_work};
}

bool SshSession::State::is_gone() const
{
    return silence.passed() && (!has_work || silence_with_work.passed() || !kernel_answers(socket, patience));
}

void SshSession::State::give_up()
{
    is_lost = true;
    const auto silent = silence_with_work.passed() ? patience * patience_with_work : patience;
    throw Error{ErrorKind::cloud,
                concat(name, " does not answer any more, for ", silent.count(), " s. ",
                       has_work ? "What it was last asked to do may go on there; what this call has begun "
                                  "and not finished the next one removes"
                                : "Nothing was begun there",
                       ". Try: ssh, to that host; if it is only slow, a larger ssh_patience")};
}

void SshSession::State::fail(std::string_view doing) const
{
    char* message = nullptr;
    ssh_api().libssh2_session_last_error(ssh.get(), &message, nullptr, 0);
    throw Error{ErrorKind::cloud, concat(name, ": ", doing, ": ", message == nullptr ? "failed" : message)};
}

void SshSession::State::shake_hands(const SshAddress& address)
{
    const HostKeys known{ssh.get(), address};
    if (const std::string types = known.types(); !types.empty())
        ssh_api().libssh2_session_method_pref(ssh.get(), LIBSSH2_METHOD_HOSTKEY, types.c_str());
    const int failed = settle([&] { return ssh_api().libssh2_session_handshake(ssh.get(), socket.get()); });
    if (failed == LIBSSH2_ERROR_SOCKET_DISCONNECT || failed == LIBSSH2_ERROR_SOCKET_RECV)
        throw Error{ErrorKind::cloud, "it closed the connection before it said anything", Retry::yes};
    if (failed != 0)
        fail("agreeing on how to talk");
    if (!address.trusts_any_host)
        known.check();
    is_met = true;
}

void SshSession::State::log_in(const SshAddress& address)
{
    const std::string& key = address.private_key.reveal();
    const int failed = settle([&] {
        return ssh_api().libssh2_userauth_publickey_frommemory(
            ssh.get(), address.user.data(), address.user.size(), nullptr, 0, key.data(), key.size(),
            address.passphrase.empty() ? nullptr : address.passphrase.reveal().c_str());
    });
    switch (failed) {
    case 0: return;
    case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
    case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
        throw Error{ErrorKind::cloud,
                    concat("it does not take the private key of user '", address.user,
                           "'. Try: add the key's public half to ~/.ssh/authorized_keys there; "
                           "of RSA keys it may want a newer libssh2: ssh-keygen -t ed25519")};
    case LIBSSH2_ERROR_SOCKET_SEND:
    case LIBSSH2_ERROR_SOCKET_RECV:
    case LIBSSH2_ERROR_SOCKET_DISCONNECT: fail("logging in");
    default:
        throw Error{ErrorKind::cloud,
                    "the private key cannot be read. Try: ssh-keygen -y -f KEY; if that asks for "
                    "a passphrase, set 'passphrase'"};
    }
}

SshSession::SshSession(const SshAddress& address, Interrupts interrupts)
{
    while_doing(concat("connecting to ", describe(address)), [&] {
        constexpr std::array pauses{500ms, 1000ms, 2000ms};
        for (const auto* pause = pauses.begin(); !state_; ++pause) {
            try {
                state_ = std::make_unique<State>(address);
                state_->interrupts = interrupts;
            } catch (const Error& failed) {
                if (!failed.ok_to_retry())
                    throw;
                if (pause == pauses.end())
                    throw Error{ErrorKind::cloud,
                                concat(failed.message(), ". Try: systemctl status ssh, on that machine")};
                check_interrupt();
                std::this_thread::sleep_for(*pause);
            }
        }
    });
}

SshSession::~SshSession() = default;

bool SshSession::is_alive() const
{
    return !state_->is_lost;
}

std::unique_ptr<SshChannel> SshSession::execute(std::string_view line)
{
    return std::make_unique<SshChannel>(*this, line);
}

namespace {

struct FreeChannel {
    void operator()(LIBSSH2_CHANNEL* channel) const noexcept { ssh_api().libssh2_channel_free(channel); }
};

} // namespace

struct SshChannel::Handle {
    std::unique_ptr<LIBSSH2_CHANNEL, FreeChannel> channel;
};

SshChannel::SshChannel(SshSession& session, std::string_view line)
    : session_{*session.state_}, handle_{std::make_unique<Handle>()}
{
    constexpr std::string_view type = "session";
    constexpr std::string_view request = "exec";
    LIBSSH2_SESSION* ssh = session_.ssh.get();
    session_.has_work = true;
    const int failed = session_.settle([&] {
        handle_->channel.reset(ssh_api().libssh2_channel_open_ex(ssh, type.data(), type.size(),
                                                                 LIBSSH2_CHANNEL_WINDOW_DEFAULT,
                                                                 LIBSSH2_CHANNEL_PACKET_DEFAULT, nullptr, 0));
        return handle_->channel ? 0 : ssh_api().libssh2_session_last_error(ssh, nullptr, nullptr, 0);
    });
    if (failed != 0)
        session_.fail("opening a channel");
    if (session_.settle([&] {
            return ssh_api().libssh2_channel_process_startup(handle_->channel.get(), request.data(),
                                                             static_cast<unsigned>(request.size()),
                                                             line.data(), static_cast<unsigned>(line.size()));
        }) != 0)
        session_.fail("running a command");
}

SshChannel::~SshChannel() = default;

bool SshChannel::take_what_is_there()
{
    bool is_something = false;
    const auto take = [&](int stream, std::string& text) {
        std::array<char, 65536> block{};
        for (;;) {
            const auto got =
                ssh_api().libssh2_channel_read_ex(handle_->channel.get(), stream, block.data(), block.size());
            if (got < 0 && got != LIBSSH2_ERROR_EAGAIN)
                session_.fail("reading an answer");
            if (got <= 0)
                return;
            text.append(block.data(), static_cast<std::size_t>(got));
            is_something = true;
        }
    };
    take(0, out);
    take(SSH_EXTENDED_DATA_STDERR, err);
    return is_something;
}

bool SshChannel::has_ended() const
{
    return ssh_api().libssh2_channel_eof(handle_->channel.get()) == 1;
}

bool SshChannel::send(std::span<const char> bytes)
{
    while (!bytes.empty()) {
        const auto sent =
            ssh_api().libssh2_channel_write_ex(handle_->channel.get(), 0, bytes.data(), bytes.size());
        if (sent < 0 && sent != LIBSSH2_ERROR_EAGAIN)
            session_.fail("sending");
        if (sent > 0)
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        else if (take_what_is_there()) // or both sides would wait for each other
            continue;
        else if (has_ended())
            return false;
        else
            session_.wait();
    }
    return true;
}

void SshChannel::finish()
{
    if (session_.settle([&] { return ssh_api().libssh2_channel_send_eof(handle_->channel.get()); }) != 0)
        session_.fail("ending what is sent");
}

namespace {

/// False: nobody takes it any more.
bool give(const Fd& socket, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t written = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (written < 0 && errno != EINTR)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    return true;
}

} // namespace

void SshChannel::carry(const Fd& socket)
{
    std::array<char, 65536> block{};
    for (;;) {
        const bool has_more = take_what_is_there();
        if (!give(socket, std::exchange(out, {})))
            return;
        const ssize_t got = ::recv(socket.get(), block.data(), block.size(), MSG_DONTWAIT);
        const bool is_over = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
        if (got > 0 ? !send({block.data(), static_cast<std::size_t>(got)}) : is_over || has_ended())
            return;
        if (got <= 0 && !has_more)
            session_.wait(socket.get());
    }
}

bool SshChannel::receive()
{
    while (!take_what_is_there()) {
        if (has_ended())
            return false;
        session_.wait();
    }
    return true;
}

} // namespace cpi
