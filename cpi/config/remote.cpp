#include "cpi/config/remote.h"

#include "base/error.h"
#include "host/local_host.h"
#include "host/private_folder.h"
#include "host/tunnel.h"
#include "virt/uri.h"

#include <array>
#include <cstdlib>
#include <future>
#include <optional>
#include <tuple>

namespace cpi {

namespace {

/// A text of the configuration itself, or the file that has it.
Secret text_of(std::string_view key, const Secret& given)
{
    if (given.reveal().find("-----BEGIN") != std::string::npos)
        return given;
    LocalHost here;
    const auto text = here.read(given.reveal());
    if (!text)
        throw Error{ErrorKind::cpi,
                    concat(key, ": there is no such file; it is the path of one, or its text")};
    return Secret{*text};
}

/// As ssh looks for them.
std::string usual_known_hosts()
{
    const char* home = std::getenv("HOME"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    LocalHost here;
    std::string all;
    for (const Path& file : {Path{home == nullptr ? "/nonexistent" : home} / ".ssh/known_hosts",
                             Path{"/etc/ssh/ssh_known_hosts"}})
        all += concat(here.read(file).value_or(""), "\n");
    return all;
}

std::string known_hosts_of(const Config& config)
{
    if (!config.host_key.empty())
        return config.host_key;
    if (config.known_hosts.empty())
        return usual_known_hosts();
    const auto text = LocalHost{}.read(config.known_hosts);
    if (!text)
        throw Error{ErrorKind::cpi, concat("known_hosts: there is no file ", config.known_hosts)};
    return *text;
}

/// What on the host speaks to its libvirt: a part of libvirt itself, or, for a socket in another place,
/// netcat.
std::string libvirt_command(const std::string& uri)
{
    const std::string socket = uri_parameter(uri, "socket");
    const std::string local = concat(uri_driver(uri), "://", uri_path(uri));
    const std::string command = socket.empty() ? concat("virt-ssh-helper ", shell_quote(local))
                                               : concat("nc -U ", shell_quote(socket));
    return concat("exec ", command);
}

class SshWay final : public Way {
public:
    SshWay(const Config& config, std::string uri) : config_{config}, uri_{std::move(uri)} {}

    void prepare() override
    {
        coming_ = std::async(std::launch::async, [this] {
            return std::make_unique<Tunnel>(ssh_address(config_), libvirt_command(uri_));
        });
    }
    [[nodiscard]] std::string open() override
    {
        if (!coming_.valid())
            prepare();
        tunnel_ = coming_.get();
        return socket_uri(uri_, tunnel_->socket().native());
    }
    void opened() override {}
    [[nodiscard]] std::string complaint() override { return tunnel_ ? tunnel_->complaint() : ""; }

private:
    const Config& config_;
    std::string uri_;
    std::future<std::unique_ptr<Tunnel>> coming_;
    std::unique_ptr<Tunnel> tunnel_;
};

/// libvirt reads certificates and key from files, with names of its own choice, when it connects.
class TlsWay final : public Way {
public:
    TlsWay(const TlsConfig& tls, std::string uri) : tls_{tls}, uri_{std::move(uri)} {}

    void prepare() override {}
    [[nodiscard]] std::string open() override
    {
        const std::array files{
            std::tuple{"tls.ca", "cacert.pem", Secret{tls_.ca}},
            std::tuple{"tls.certificate", "clientcert.pem", Secret{tls_.certificate}},
            std::tuple{"tls.private_key", "clientkey.pem", tls_.private_key},
        };
        LocalHost here;
        folder_.emplace();
        for (const auto& [key, file, given] : files)
            here.publish(folder_->path() / file, text_of(key, given).reveal(), Access::owner);
        return uri_with(uri_, "pkipath", folder_->path().native());
    }
    void opened() override { folder_.reset(); }
    [[nodiscard]] std::string complaint() override { return {}; }

private:
    const TlsConfig& tls_;
    std::string uri_;
    std::optional<PrivateFolder> folder_; // while a connection is being opened
};

} // namespace

SshAddress ssh_address(const Config& config)
{
    return {.host = config.host.text,
            .port = static_cast<unsigned>(config.port.value),
            .user = config.username,
            .private_key = text_of("private_key", config.private_key),
            .passphrase = config.passphrase,
            .known_hosts = known_hosts_of(config),
            .trusts_any_host = config.trust_any_host_key,
            .patience = std::chrono::seconds{config.ssh_patience.value}};
}

std::shared_ptr<Way> way_to_libvirt(const Config& config, const std::string& uri)
{
    if (config.tls)
        return std::make_shared<TlsWay>(*config.tls, uri);
    if (config.is_remote() && uri_goes_by_ssh(uri))
        return std::make_shared<SshWay>(config, uri);
    return nullptr;
}

} // namespace cpi
