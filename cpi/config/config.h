#pragma once

#include "base/secret.h"
#include "hypervisors/table.h"
#include "json/schema.h"
#include "properties/hardware.h"
#include "properties/nics.h"
#include "volumes/id_map.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

class Redactor;

struct AgentConfig {
    Secret mbus;
    std::vector<std::string> ntp;
    std::optional<json::VerbatimObject> blobstore;
};

/// With which libvirt is reached by TLS: each is a text (PEM) or the path of a file.
struct TlsConfig {
    std::string ca;
    std::string certificate;
    Secret private_key;
};

/// One of the table's rows, by its name.
struct HypervisorChoice {
    const Hypervisor* row = hypervisors().front();
};

/// An absolute path, without characters that no file name should have.
struct AbsolutePath {
    std::string text;
};

/// A name, or an address of IPv4 or IPv6 without brackets.
struct HostName {
    std::string text;
};

struct Config {
    HypervisorChoice hypervisor;
    std::string uri;
    std::string bin_path = "virsh";
    AbsolutePath store_dir;
    StorageController storage_controller = StorageController::virtio;
    bool strict_controller = false;
    bool auto_enable_networks = false;
    bool autostart = true;
    NetworkAliases network_aliases;
    Acceleration acceleration = Acceleration::automatic;
    AgentConfig agent;
    std::optional<IdMap> idmap;
    HostName host;
    json::Ranged<1, 65535> port{22};
    std::string username;
    Secret private_key;
    Secret passphrase;
    std::string host_key;
    std::string known_hosts;
    bool trust_any_host_key = false;
    json::Ranged<5, 3600> ssh_patience{30};
    std::optional<TlsConfig> tls;
    bool allow_insecure_tcp = false;

    [[nodiscard]] bool is_remote() const { return !host.text.empty(); }

    /// What persistent disks are connected to.
    [[nodiscard]] Bus persistent_bus() const;
    /// `uri`, or the one that follows from hypervisor, host and username.
    [[nodiscard]] std::string connection_uri() const;
};

/// The configuration in a file's text, with the request's context laid over it: what the Director's
/// cpi-config says of a CPI arrives there and wins. Keys of the context that are no configuration are
/// ignored. Errors name `source`, the key, what it holds and what is allowed.
[[nodiscard]] Config read_config(std::string_view text, std::string_view source, const json::Place& context);

/// Reads a configuration file. An error names it.
[[nodiscard]] std::string read_config_file(const std::string& path);

/// What is wrong with store_dir where the hypervisor's host has AppArmor; empty when nothing is.
[[nodiscard]] std::string store_trouble(const Config& config);

/// Tells the redactor each secret of the configuration.
void hide_secrets(Redactor& redactor, const Config& config);

namespace json {

template <>
struct Codec<HypervisorChoice> {
    static HypervisorChoice read(const Place& place);
    static std::string expected();
};

template <>
struct SchemaOf<HypervisorChoice> {
    static void write(Writer& out)
    {
        out.key("enum").begin_array();
        for (const Hypervisor* row : hypervisors())
            out.string(row->name);
        out.end_array();
    }
};
template <>
struct SchemaOf<AbsolutePath> : SchemaOfText {
};
template <>
struct SchemaOf<HostName> : SchemaOfText {
};

template <>
struct Codec<AbsolutePath> {
    static AbsolutePath read(const Place& place);
    static std::string expected() { return "an absolute path"; }
};

template <>
struct Codec<HostName> {
    static HostName read(const Place& place);
    static std::string expected() { return "a host name or an IP address"; }
};

template <>
inline constexpr std::array names<StorageController>{
    NamedValue<StorageController>{"IDE", StorageController::ide},
    NamedValue<StorageController>{"SCSI", StorageController::scsi},
    NamedValue<StorageController>{"SATA", StorageController::sata},
    NamedValue<StorageController>{"virtio", StorageController::virtio},
};

template <>
inline constexpr std::tuple fields<AgentConfig>{
    required("mbus", &AgentConfig::mbus, "URL of the message bus that agents connect to or serve"),
    optional("ntp", &AgentConfig::ntp, "time servers"),
    optional("blobstore", &AgentConfig::blobstore, "the agents' blobstore: provider and options"),
};
template <>
inline constexpr UnknownKeys unknown_keys<AgentConfig> = UnknownKeys::refuse;

template <>
inline constexpr std::tuple fields<TlsConfig>{
    required("ca", &TlsConfig::ca,
             "certificate of who signs the host's: its text (PEM), or the path of a file"),
    required("certificate", &TlsConfig::certificate, "the CPI's own: its text (PEM), or the path of a file"),
    required("private_key", &TlsConfig::private_key,
             "of that certificate: its text (PEM), or the path of a file"),
};
template <>
inline constexpr UnknownKeys unknown_keys<TlsConfig> = UnknownKeys::refuse;

template <>
inline constexpr std::tuple fields<Config>{
    optional("hypervisor", &Config::hypervisor, "qemu, vbox, lxc, xen or vmware; qemu when left out"),
    optional("uri", &Config::uri,
             "libvirt connection URI; made from hypervisor, host and username when left out"),
    optional("bin_path", &Config::bin_path,
             "virsh on the hypervisor's host, named in the advice that errors give"),
    required("store_dir", &Config::store_dir, "existing directory for stemcells, VMs and disks"),
    optional(
        "storage_controller", &Config::storage_controller,
        "IDE, SCSI, SATA or virtio: what root and ephemeral disks are connected to; virtio when left out"),
    optional("strict_controller", &Config::strict_controller,
             "persistent disks are on the storage controller too, and VMs restart for those on IDE and SATA; "
             "false when left out"),
    optional("auto_enable_networks", &Config::auto_enable_networks,
             "start networks that are not active, and make those that do not exist; false when left out"),
    optional("autostart", &Config::autostart,
             "VMs start with the host; a VM's cloud properties may say otherwise; true when left out"),
    optional("network_aliases", &Config::network_aliases,
             "names for where NICs are plugged in, for the networks' cloud properties"),
    optional(
        "acceleration", &Config::acceleration,
        "auto, kvm or emulation: auto takes KVM where it works; a VM's cloud properties may say otherwise"),
    required("agent", &Config::agent, "what the agents in the VMs are told"),
    optional("idmap", &Config::idmap,
             "of lxc: the host's ids that containers have as theirs; privileged containers when left out"),
    optional("host", &Config::host, "remote host of the hypervisor, reached by SSH"),
    optional("port", &Config::port, "of SSH on the remote host; 22 when left out"),
    optional("username", &Config::username, "SSH user on the remote host"),
    optional("private_key", &Config::private_key, "SSH private key: its text (PEM), or the path of a file"),
    optional("passphrase", &Config::passphrase, "of the private key"),
    optional("host_key", &Config::host_key,
             "the remote host's key: lines as in known_hosts or in a .pub file; known_hosts when left out"),
    optional("known_hosts", &Config::known_hosts,
             "file with the keys of hosts; ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts when left out"),
    optional("trust_any_host_key", &Config::trust_any_host_key,
             "true: whoever answers at that address is trusted; false when left out"),
    optional("ssh_patience", &Config::ssh_patience,
             "seconds that a remote host may be silent, four times as long while it is at work; 30 when left "
             "out"),
    optional("tls", &Config::tls,
             "for a uri with +tls: certificates and key; those of libvirt's own folders when left out"),
    optional("allow_insecure_tcp", &Config::allow_insecure_tcp,
             "true: a uri with +tcp is taken, by which nothing is encrypted; false when left out"),
};
template <>
inline constexpr UnknownKeys unknown_keys<Config> = UnknownKeys::refuse;

} // namespace json

} // namespace cpi
