#include "virt/connection.h"
#include "virt/uri.h"

#include <array>
#include <utility>

namespace cpi {

namespace {

ErrorKind kind_of(int code)
{
    switch (code) {
    case VIR_ERR_NO_DOMAIN: return ErrorKind::vm_not_found;
    case VIR_ERR_NO_NETWORK: return ErrorKind::network_not_found;
    case VIR_ERR_NO_SUPPORT: return ErrorKind::not_supported;
    default: return ErrorKind::cloud;
    }
}

/// What libvirt says when it cannot be reached, and what the host lacks then. USER is whom the CPI is there.
struct Missing {
    std::string_view message;
    std::string_view advice;
};
constexpr std::string_view join_libvirt =
    "add the CPI's user to the group libvirt (usermod -aG libvirt USER), or let the CPI be root there";
constexpr std::array missing{
    Missing{"no connection driver available",
            "install libvirt's driver for this hypervisor (Debian, Ubuntu: libvirt-daemon-driver-qemu, -lxc, "
            "-xen, -vbox) and restart libvirt's daemon"},
    Missing{"Permission denied", join_libvirt},
    Missing{"authentication unavailable", join_libvirt},
    Missing{"Failed to find group record", "give USER an entry in /etc/group there: groupadd"},
    Missing{"Cannot read CA certificate", "give the certificates in the configuration: tls"},
    Missing{"failed validation against", "let tls.ca be the certificate of who signed tls.certificate"},
    Missing{"Failed to verify peer's certificate", "let tls.ca be the certificate of who signed the host's"},
    Missing{"No such file or directory",
            "install libvirt's daemon (Debian, Ubuntu: libvirt-daemon-system; RHEL: libvirt) and start it: "
            "systemctl start libvirtd"},
    Missing{"unable to connect to server at",
            "let libvirt listen there, and its port through the firewall: systemctl enable --now "
            "libvirtd-tls.socket, or libvirtd-tcp.socket for a uri with +tcp"},
    Missing{"Connection refused", "start libvirt's daemon: systemctl start libvirtd"},
};

std::string advice_for(const std::string& message, const std::string& user)
{
    const auto row = std::ranges::find_if(
        missing, [&](const Missing& one) { return message.find(one.message) != std::string::npos; });
    if (row == missing.end())
        return {};
    constexpr std::string_view placeholder = "USER";
    std::string advice = concat("; ", row->advice);
    if (const auto at = advice.find(placeholder); at != std::string::npos && !user.empty())
        advice.replace(at, placeholder.size(), user);
    return advice;
}

/// What libvirt says where a second try can help: the connection was lost, its daemon is just not there, or
/// the host has no room, or a port is taken, for now.
constexpr std::array<std::string_view, 11> passing_words{"End of file",
                                                         "Connection refused",
                                                         "Connection reset",
                                                         "Broken pipe",
                                                         "socket is closed",
                                                         "Cannot recv data",
                                                         "Cannot write data",
                                                         "connection closed",
                                                         "Cannot allocate memory",
                                                         "Address already in use",
                                                         "Resource temporarily unavailable"};

bool says_it_may_pass(std::string_view message)
{
    return has_any(message, passing_words);
}

std::string virsh_command(const LibvirtAddress& address, std::string_view words)
{
    return concat(address.virsh, " -c ", shell_quote(address.uri), " ", words);
}

} // namespace

int last_error_code()
{
    const virError* error = libvirt_api().virGetLastError();
    return error == nullptr ? VIR_ERR_OK : error->code;
}

void Libvirt::Connection::fail(const Step& step) const
{
    const virError* reported = libvirt_api().virGetLastError();
    const bool silent = reported == nullptr || reported->message == nullptr;
    const std::string message = concat(silent ? "no reason given" : reported->message, blame());
    throw Error{says_disk_is_full(message) ? ErrorKind::no_disk_space : kind_of(last_error_code()),
                concat(step.doing, ": libvirt says: ", message, ". Try: ",
                       step.advice.empty() ? virsh_command(address, step.virsh_words) : step.advice),
                says_it_may_pass(message) ? Retry::yes : Retry::no, message};
}

std::string Libvirt::Connection::blame() const
{
    const virError* reported = libvirt_api().virGetLastError();
    if (!address.way || reported == nullptr || reported->domain != VIR_FROM_RPC)
        return {};
    const std::string complaint = address.way->complaint();
    return complaint.empty() ? "" : concat(": ", complaint);
}

Libvirt::Libvirt(LibvirtAddress address) : address_{std::move(address)} {}

Libvirt::~Libvirt() = default;

std::string Libvirt::virsh(std::string_view words) const
{
    return virsh_command(address_, words);
}

void Libvirt::prepare()
{
    if (address_.way && !connection_)
        address_.way->prepare();
}

std::unique_ptr<Libvirt::Connection> Libvirt::connect()
{
    auto opened = std::make_unique<Connection>(Connection{address_, nullptr});
    try {
        const std::string uri = address_.way ? address_.way->open() : address_.uri;
        opened->handle.reset(opened->run({concat("connecting to ", address_.uri), "list --all"},
                                         [&] { return libvirt_api().virConnectOpen(uri.c_str()); }));
    } catch (Error& error) {
        error.add_advice(advice_for(error.cause(), uri_authority(address_.uri).user));
        throw;
    }
    if (address_.way)
        address_.way->opened();
    return opened;
}

/// libvirtd was there a moment ago: one that restarts will be there again.
std::unique_ptr<Libvirt::Connection> Libvirt::connect_again()
{
    constexpr std::chrono::seconds patience{8};
    std::unique_ptr<Connection> opened;
    std::optional<Error> refusal;
    const bool is_there = wait_until(Deadline{patience}, [&] {
        try {
            opened = connect();
        } catch (const Error& error) {
            refusal = error;
            refusal->allow_retry();
        }
        return opened != nullptr;
    });
    if (!is_there)
        throw Error{*refusal};
    return opened;
}

Libvirt::Connection& Libvirt::connection()
{
    if (!connection_)
        connection_ = connect();
    else if (!connection_->is_alive())
        connection_ = connect_again();
    return *connection_;
}

unsigned long Libvirt::version()
{
    const Connection& libvirt = connection();
    unsigned long version = 0;
    libvirt.run({"asking for libvirt's version", "version"},
                [&] { return libvirt_api().virConnectGetLibVersion(libvirt.handle.get(), &version); });
    return version;
}

} // namespace cpi
