#include "host/tunnel.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "host/remote_shell.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>

namespace cpi {

namespace {

Fd listen_at(const Path& path)
{
    Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& name = path.native();
    if (name.size() >= sizeof address.sun_path)
        throw Error{ErrorKind::cpi, concat("TMPDIR is too long for a socket in it: ", name)};
    std::ranges::copy(name, address.sun_path);
    // NOLINTNEXTLINE(*-reinterpret-cast): as bind wants it
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket.get(), 1) != 0)
        throw system_error(concat("listening at ", name), errno);
    return socket;
}

} // namespace

Tunnel::Tunnel(const SshAddress& address, const std::string& command)
    : listening_{listen_at(socket())}, session_{address, Interrupts::are_not}, channel_{session_.execute(
                                                                                   run_next_line)}
{
    const std::string mark = random_name(24);
    const std::string line = concat("echo ", mark, "; echo ", mark, " >&2; ", command, "\n");
    channel_->send({line.data(), line.size()});
    complaint_ = std::async(std::launch::async, [this, mark] { return serve(mark); });
}

Tunnel::~Tunnel()
{
    ::shutdown(listening_.get(), SHUT_RDWR); // whoever waits there waits no longer
    if (complaint_.valid())
        complaint_.wait();
}

std::string Tunnel::serve(const std::string& mark)
{
    const Fd connected{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    // One connection is enough: nobody shall find the socket any more.
    folder_.remove();
    if (!connected)
        return {};
    try {
        static_cast<void>(skip_to(*channel_, channel_->out, mark));
        static_cast<void>(skip_to(*channel_, channel_->err, mark));
        channel_->carry(connected);
        return trim(channel_->err);
    } catch (const std::exception& error) {
        return error.what();
    }
}

std::string Tunnel::complaint()
{
    if (complaint_.valid())
        known_complaint_ = complaint_.get();
    return known_complaint_;
}

} // namespace cpi
