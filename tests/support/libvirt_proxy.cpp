#include "support/libvirt_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

namespace cpi::test {

namespace {

/// A message of libvirt's protocol: its length, then words of four bytes, of which these are the first.
constexpr std::size_t length_size = 4;
constexpr std::size_t header_size = 28;
constexpr std::uint32_t domain_program = 0x20008086;
constexpr std::uint32_t type_call = 0;
constexpr std::uint32_t type_reply = 1;

std::uint32_t word_at(const std::string& bytes, std::size_t index)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8U | static_cast<unsigned char>(bytes.at(4 * index + i));
    return value;
}

struct Header {
    std::uint32_t program;
    int procedure;
    std::uint32_t type;
    std::uint32_t serial;
};

Header header_of(const std::string& message)
{
    return {word_at(message, 1), static_cast<int>(word_at(message, 3)), word_at(message, 4),
            word_at(message, 5)};
}

bool read_exactly(int fd, std::string& bytes, std::size_t count)
{
    while (count > 0) {
        std::array<char, 65536> buffer{};
        const ssize_t got = ::recv(fd, buffer.data(), std::min(count, buffer.size()), 0);
        if (got <= 0)
            return false;
        bytes.append(buffer.data(), static_cast<std::size_t>(got));
        count -= static_cast<std::size_t>(got);
    }
    return true;
}

std::optional<std::string> read_message(int fd)
{
    std::string message;
    if (!read_exactly(fd, message, length_size))
        return std::nullopt;
    const std::size_t length = word_at(message, 0);
    if (length < header_size || !read_exactly(fd, message, length - length_size))
        return std::nullopt;
    return message;
}

bool write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

sockaddr_un address_of(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw std::runtime_error{"too long for a socket: " + path};
    std::ranges::copy(path, address.sun_path);
    return address;
}

Fd new_socket()
{
    return Fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
}

/// As bind and connect want it.
const sockaddr* plain(const sockaddr_un& address)
{
    return reinterpret_cast<const sockaddr*>(&address); // NOLINT(*-reinterpret-cast)
}

} // namespace

struct LibvirtProxy::Link {
    std::optional<std::uint32_t> lost_answer; // the serial number of the call
    std::function<void()> meanwhile;
};

LibvirtProxy::LibvirtProxy(std::filesystem::path daemons_socket)
    : daemons_socket_{std::move(daemons_socket)}, listening_{new_socket()}
{
    const sockaddr_un address = address_of(socket());
    constexpr int most_waiting = 16;
    if (!listening_ || ::bind(listening_.get(), plain(address), sizeof address) != 0 ||
        ::listen(listening_.get(), most_waiting) != 0)
        throw std::runtime_error{"cannot listen at " + socket()};
    accepting_ = std::thread{[this] { accept_all(); }};
}

LibvirtProxy::~LibvirtProxy()
{
    ends_ = true;
    ::shutdown(listening_.get(), SHUT_RDWR);
    accepting_.join();
    for (std::thread& link : links_)
        link.join();
}

std::vector<int> LibvirtProxy::called() const
{
    const std::lock_guard guard{mutex_};
    return called_;
}

void LibvirtProxy::begin()
{
    const std::lock_guard guard{mutex_};
    plan_ = {};
    called_.clear();
    refuses_ = false;
}

void LibvirtProxy::lose(unsigned number, Lost what, std::function<void()> meanwhile)
{
    begin();
    const std::lock_guard guard{mutex_};
    plan_ = {number, 0, what, std::move(meanwhile)};
}

void LibvirtProxy::lose_procedure(int procedure, Lost what, std::function<void()> meanwhile)
{
    begin();
    const std::lock_guard guard{mutex_};
    plan_ = {0, procedure, what, std::move(meanwhile)};
}

void LibvirtProxy::refuse()
{
    refuses_ = true;
}

bool LibvirtProxy::is_planned(int procedure)
{
    const std::lock_guard guard{mutex_};
    called_.push_back(procedure);
    return plan_.number != 0 ? plan_.number == called_.size() : plan_.procedure == procedure;
}

void LibvirtProxy::accept_all()
{
    while (!ends_) {
        Fd client{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (client && !refuses_)
            links_.emplace_back([this, client = std::move(client)]() mutable { carry(std::move(client)); });
    }
}

bool LibvirtProxy::pass(Link& link, int from, int to, bool is_client)
{
    const auto message = read_message(from);
    if (!message)
        return false;
    const Header header = header_of(*message);
    const bool is_call = is_client && header.program == domain_program && header.type == type_call;
    if (is_call && is_planned(header.procedure)) {
        Plan plan = [this] {
            const std::lock_guard guard{mutex_};
            return std::exchange(plan_, {});
        }();
        if (plan.what == Lost::call) {
            plan.meanwhile();
            return false;
        }
        link = {header.serial, std::move(plan.meanwhile)};
    }
    if (!is_client && header.type == type_reply && link.lost_answer == header.serial) {
        link.meanwhile();
        return false;
    }
    return write_all(to, *message);
}

void LibvirtProxy::carry(Fd client)
{
    const Fd daemon = new_socket();
    const sockaddr_un address = address_of(daemons_socket_.native());
    if (!daemon || ::connect(daemon.get(), plain(address), sizeof address) != 0)
        return;
    Link link;
    std::array<pollfd, 2> ends{{{client.get(), POLLIN, 0}, {daemon.get(), POLLIN, 0}}};
    while (!ends_) {
        constexpr int often = 100;
        if (::poll(ends.data(), ends.size(), often) < 0)
            return;
        if (ends[0].revents != 0 && !pass(link, client.get(), daemon.get(), true))
            return;
        if (ends[1].revents != 0 && !pass(link, daemon.get(), client.get(), false))
            return;
    }
}

} // namespace cpi::test
