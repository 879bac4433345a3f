#include "host/tunnel.h"

#include "base/error.h"
#include "base/text.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace cpi {

namespace {

Path private_folder()
{
    std::string name = (std::filesystem::temp_directory_path() / "libvirt-cpi-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr)
        throw system_error(concat("making the directory ", name), errno);
    return name;
}

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
    : folder_{private_folder()}, listening_{listen_at(socket())}, session_{address, Interrupts::are_not},
      channel_{session_.execute(command)}, complaint_{
                                               std::async(std::launch::async, [this] { return serve(); })}
{
}

Tunnel::~Tunnel()
{
    ::shutdown(listening_.get(), SHUT_RDWR); // whoever waits there waits no longer
    if (complaint_.valid())
        complaint_.wait();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string Tunnel::serve()
{
    const Fd connected{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    // One connection is enough: nobody shall find the socket any more.
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    if (!connected)
        return {};
    try {
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
