#include "cpi/config/config.h"

#include "base/error.h"
#include "cpi/properties/possible.h"
#include "cpi/wire/redact.h"
#include "host/local_host.h"
#include "virt/uri.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace cpi {

namespace {

void check_uri(const Config& config)
{
    const Hypervisor& hypervisor = *config.hypervisor.row;
    if (!config.uri.empty() &&
        std::ranges::find(hypervisor.uri_drivers, uri_driver(config.uri)) == hypervisor.uri_drivers.end())
        throw Error{ErrorKind::invalid_call,
                    concat("uri: expected one for hypervisor ", hypervisor.name, ", such as ",
                           hypervisor.default_uri, ", got \"", config.uri, "\"")};
}

void check_tls(const Config& config)
{
    if (config.tls && uri_transport(config.uri) != "tls")
        throw Error{ErrorKind::invalid_call,
                    concat("tls: it is for a uri such as qemu+tls://HOST/system, and the uri is ",
                           config.connection_uri(), ". Try: set such a uri, or leave tls out")};
    if (config.tls && !uri_parameter(config.uri, "pkipath").empty())
        throw Error{ErrorKind::invalid_call, "tls: the uri names a pkipath, too. Try: leave one of them out"};
}

void check_tcp(const Config& config)
{
    if (uri_transport(config.uri) == "tcp" && !config.allow_insecure_tcp)
        throw Error{
            ErrorKind::invalid_call,
            "uri: by +tcp nothing is encrypted, and libvirt lets in whoever reaches its port. Try: leave uri "
            "out, and it follows from host, by SSH; or one with +tls; or, in a network that nobody else is "
            "in, allow_insecure_tcp: true"};
}

/// Files and VMs must be on the same machine.
void check_remote(const Config& config)
{
    const auto refuse = [](const std::string& what) { throw Error{ErrorKind::invalid_call, what}; };
    const UriAuthority named = uri_authority(config.uri);
    if (!config.is_remote() && !named.host.empty())
        refuse(concat(
            "uri: it names the host '", named.host,
            "', and 'host' is not set: files would be made on this machine. Try: set host, username and "
            "private_key, too"));
    if (!config.is_remote())
        return;
    if (config.username.empty() || config.private_key.empty())
        refuse(concat(config.username.empty() ? "username" : "private_key", ": required, since host is set"));
    const std::string port = std::to_string(config.port.value);
    const std::array same{
        std::tuple{"host", named.host, config.host.text},
        std::tuple{"user", named.user, config.username},
        // Another one than SSH's is libvirt's own.
        std::tuple{"port", uri_goes_by_ssh(config.uri) ? named.port : "", port},
    };
    for (const auto& [what, in_uri, set] : same)
        if (!in_uri.empty() && in_uri != set)
            refuse(concat("uri: its ", what, " is '", in_uri, "', and that of the configuration is '", set,
                          "'"));
}

void check_strictness(const Config& config)
{
    const Hypervisor& hypervisor = *config.hypervisor.row;
    if (config.strict_controller && hypervisor.strict_bus == nullptr)
        throw Error{
            ErrorKind::invalid_call,
            concat("strict_controller: expected false, since persistent disks have one place only on ",
                   hypervisor.name, ", got true")};
}

void check_aliases(const Config& config)
{
    for (const auto& [name, place] : config.network_aliases)
        while_doing(concat("network_aliases.", name), [&config, &place = place] {
            require_nics_possible(*config.hypervisor.row, place.given_keys);
            if (!source_of(place))
                throw Error{ErrorKind::invalid_call, "expected one of network, bridge and direct, got none"};
        });
}

void check_ids(const Config& config)
{
    if (config.idmap && config.hypervisor.row->root != Root::tree)
        throw Error{ErrorKind::invalid_call, concat("idmap: it is for containers (hypervisor lxc), and the "
                                                    "hypervisor is ",
                                                    config.hypervisor.row->name, ". Try: leave it out")};
}

/// The members of the context that are keys of the configuration.
json::Document configuration_in(const json::Place& context)
{
    const auto known = json::keys<Config>();
    return json::members_if(
        context, [&](const std::string& key) { return std::ranges::find(known, key) != known.end(); });
}

/// The password within "scheme://user:password@host".
std::string password_in(const std::string& url)
{
    const std::size_t user = url.find("://");
    const std::size_t at = url.rfind('@');
    if (user == std::string::npos || at == std::string::npos)
        return {};
    const std::size_t colon = url.find(':', user + 3);
    return colon < at ? url.substr(colon + 1, at - colon - 1) : std::string{};
}

} // namespace

HypervisorChoice json::Codec<HypervisorChoice>::read(const Place& place)
{
    if (place.is_string())
        for (const Hypervisor* row : hypervisors())
            if (row->name == lower(place.string()))
                return {row};
    place.fail(expected());
}

std::string json::Codec<HypervisorChoice>::expected()
{
    std::vector<std::string> all;
    for (const Hypervisor* row : hypervisors())
        all.emplace_back(row->name);
    return concat("one of ", join(all, ", "));
}

AbsolutePath json::Codec<AbsolutePath>::read(const Place& place)
{
    if (!place.is_string())
        place.fail(expected());
    const std::string text = place.string();
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; };
    if (!text.starts_with('/') || text != printable_utf8(text) || std::ranges::any_of(text, is_control))
        place.fail(expected());
    return {text};
}

Bus Config::persistent_bus() const
{
    const Hypervisor& row = *hypervisor.row;
    return strict_controller ? row.strict_bus(storage_controller) : row.persistent_bus;
}

HostName json::Codec<HostName>::read(const Place& place)
{
    if (!place.is_string())
        place.fail(expected());
    std::string text = place.string();
    if (text.starts_with('[') && text.ends_with(']'))
        text = text.substr(1, text.size() - 2);
    constexpr std::string_view others = ".-_:%";
    const auto is_usual = [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    };
    if (text.empty() || text.starts_with('-') || !std::ranges::all_of(text, is_usual))
        place.fail(expected());
    return {text};
}

std::string Config::connection_uri() const
{
    std::string chosen = uri.empty() ? std::string{hypervisor.row->default_uri} : uri;
    if (!is_remote() || !uri_authority(chosen).host.empty())
        return chosen;
    return remote_uri(chosen, {username, host.text, std::to_string(port.value)});
}

Config read_config(std::string_view text, std::string_view source, const json::Place& context)
{
    try {
        json::Document document = json::parse(text, "it");
        if (!document.IsObject())
            json::root(document, "the configuration").fail("an object");
        json::merge(document, configuration_in(context));
        Config config = json::Codec<Config>::read(json::root(document));
        check_uri(config);
        check_remote(config);
        check_tcp(config);
        check_tls(config);
        check_strictness(config);
        check_aliases(config);
        check_ids(config);
        return config;
    } catch (const Error& error) {
        throw Error{ErrorKind::cpi, concat("configuration ", source, ": ", error.what())};
    }
}

std::string read_config_file(const std::string& path)
{
    LocalHost here;
    const auto text = here.read(path);
    if (!text)
        throw Error{ErrorKind::cpi, concat("configuration ", path, ": no such file")};
    return *text;
}

std::string store_trouble(const Config& config)
{
    constexpr std::string_view signs_of_patterns = "\"[]{}*?\\";
    const std::string& path = config.store_dir.text;
    const std::size_t at = path.find_first_of(signs_of_patterns);
    if (at == std::string::npos || !config.hypervisor.row->has_profiles)
        return {};
    return concat("store_dir '", path, "' has a '", path[at],
                  "', which a profile of AppArmor takes for something else than itself: VMs could not open "
                  "their images");
}

void hide_secrets(Redactor& redactor, const Config& config)
{
    redactor.hide(config.agent.mbus.reveal());
    redactor.hide(password_in(config.agent.mbus.reveal()));
    redactor.hide(config.private_key.reveal());
    redactor.hide(config.passphrase.reveal());
    if (config.tls)
        redactor.hide(config.tls->private_key.reveal());
    if (config.agent.blobstore) {
        const json::Document blobstore = json::parse(config.agent.blobstore->text, "the blobstore");
        hide_strings(redactor, json::root(blobstore).at("options"));
    }
}

} // namespace cpi
