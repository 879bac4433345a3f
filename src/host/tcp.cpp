#include "host/tcp.h"

#include "base/clock.h"
#include "base/error.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <netdb.h>

namespace cpi {

namespace {

constexpr std::chrono::seconds patience_to_connect{20};

struct FreeAddresses {
    void operator()(addrinfo* addresses) const noexcept { ::freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses look_up(const std::string& name, unsigned port)
{
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failed = ::getaddrinfo(name.c_str(), std::to_string(port).c_str(), &wanted, &found);
    Addresses addresses{found};
    if (failed != 0)
        throw Error{ErrorKind::cloud, concat("the name is not known: ", ::gai_strerror(failed))};
    return addresses;
}

/// 0, or why it failed.
int connect_within(const Fd& socket, const addrinfo& to, const Deadline& deadline)
{
    if (::connect(socket.get(), to.ai_addr, to.ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    pollfd watched{.fd = socket.get(), .events = POLLOUT, .revents = 0};
    const bool settled = wait_until(deadline, [&] {
        constexpr int milliseconds = 100;
        return ::poll(&watched, 1, milliseconds) > 0;
    });
    int error = ETIMEDOUT;
    socklen_t size = sizeof error;
    if (settled && ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

} // namespace

Fd connect_to(const std::string& name, unsigned port)
{
    const Addresses addresses = look_up(name, port);
    int error = 0;
    for (const addrinfo* to = addresses.get(); to != nullptr; to = to->ai_next) {
        Fd socket{::socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol)};
        if (!socket)
            throw system_error("opening a socket", errno);
        error = connect_within(socket, *to, Deadline{patience_to_connect});
        const int on = 1; // or each small question waits for the answer to the one before
        if (error == 0 && ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
            return socket;
    }
    const Error failed = system_error("reaching it", error);
    if (error == ECONNREFUSED || error == ECONNRESET)
        throw Error{ErrorKind::cloud, failed.message(), Retry::yes}; // nothing has been asked yet
    throw Error{failed};
}

bool kernel_answers(const Fd& socket, std::chrono::milliseconds patience)
{
    tcp_info found{};
    socklen_t size = sizeof found;
    return ::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &found, &size) == 0 &&
           (found.tcpi_unacked == 0 || std::chrono::milliseconds{found.tcpi_last_ack_recv} < patience);
}

} // namespace cpi
