#pragma once

#include "base/pinned.h"
#include "base/secret.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

enum class DomainState { running, off };
enum class Definition { live, inactive };
enum class Reach { config, live, live_and_config };

/// An address that a network's DHCP has given away.
struct DhcpLease {
    std::string mac;
    std::string ip;
};

/// What people see of a VM in libvirt's tools, and an XML element of a namespace of its own for programs.
struct Annotation {
    std::string title; // one line
    std::string description;
    std::string element;
    std::string prefix;
    std::string xml_namespace;
};

/// How a libvirt is reached that this machine's library does not reach by itself.
class Way : private Pinned {
public:
    virtual ~Way() = default;
    /// Goes ahead, while other things are done: `open` will be asked for.
    virtual void prepare() = 0;
    /// The URI that leads there, for one connection.
    [[nodiscard]] virtual std::string open() = 0;
    /// The connection is there.
    virtual void opened() = 0;
    /// Why the connection ended, as far as the way is to blame; empty when it is not.
    [[nodiscard]] virtual std::string complaint() = 0;
};

struct LibvirtAddress {
    std::string uri;
    std::string virsh;             // the program that advice in errors names
    std::shared_ptr<Way> way = {}; // none: the library knows the way to the URI
    std::chrono::seconds slack{0}; // how long the way may hold up an answer without being broken
};

/// A libvirt connection, opened when it is first needed, and again when it was lost. Names cross this border,
/// libvirt's handles do not.
/// A domain or network that must exist and does not is vm_not_found or network_not_found; every other
/// failure says what was being done, what libvirt said, and the virsh line to try. After one that says
/// ok_to_retry a second try can help: the connection was lost (whether what was asked for has happened is not
/// known then), or the host is out of something for now.
class Libvirt : private Pinned {
public:
    explicit Libvirt(LibvirtAddress address);
    ~Libvirt();

    [[nodiscard]] const std::string& uri() const noexcept { return address_.uri; }
    /// The command line that does something by hand.
    [[nodiscard]] std::string virsh(std::string_view words) const;
    [[nodiscard]] const LibvirtAddress& address() const noexcept { return address_; }

    /// A connection will be needed soon, and the way to it may be long.
    void prepare();
    /// Connects now, for whom it matters when.
    void open() { static_cast<void>(connection()); }

    /// Of all, running or not.
    [[nodiscard]] std::vector<std::string> domain_names();
    [[nodiscard]] bool domain_exists(const std::string& name);
    [[nodiscard]] DomainState domain_state(const std::string& name);
    [[nodiscard]] std::string domain_xml(const std::string& name, Definition definition);
    /// `advice` is what to try when it fails and the VM is then removed, so that virsh would not find it.
    void define_domain(const std::string& name, const std::string& xml, const std::string& advice = {});
    void start_domain(const std::string& name, const std::string& advice = {});
    /// Asks the guest; it may take its time or refuse.
    void shut_down_domain(const std::string& name);
    /// Sends a signal to the first process of a container.
    void signal_domain(const std::string& name, unsigned signal);
    /// Makes a running domain stand still. False: it does already.
    bool suspend_domain(const std::string& name);
    /// Lets it go on. False: it did not stand still.
    bool resume_domain(const std::string& name);
    /// Ends it now. One that is not running is fine.
    void destroy_domain(const std::string& name);
    /// Removes the definition and all that libvirt keeps for it.
    void undefine_domain(const std::string& name, unsigned flags);
    void attach_device(const std::string& name, const std::string& device_xml, Reach reach);
    /// A device that has gone meanwhile is fine.
    void detach_device(const std::string& name, const std::string& device_xml, Reach reach);
    /// A running domain's disk, by its file; the guest sees the new size at once. libvirt itself refuses to
    /// make one smaller only where it is new enough.
    void grow_disk(const std::string& name, const std::string& file, std::uint64_t bytes);
    /// In bytes, as the guest of a running domain sees the disk with that target.
    [[nodiscard]] std::uint64_t disk_size(const std::string& name, const std::string& target);
    /// Asks the guest to bring its file systems into order on its disks and to write nothing more. False: it
    /// has no agent that does so, and goes on as it is.
    [[nodiscard]] bool freeze_file_systems(const std::string& name);
    /// Lets the guest write again. One that is not frozen, or not there, is fine.
    void thaw_file_systems(const std::string& name);
    /// Copies disks of a running domain by a backup job to images that are there already: waits until the
    /// domain has no other job; copies them as they are when this is called; returns when the copies are
    /// whole.
    void await_turn_to_back_up(const std::string& name);
    void begin_back_up(const std::string& name, const std::string& backup_xml);
    void finish_back_up(const std::string& name);
    /// Ends a backup job whose target has `mark` in its path: whoever began it is gone. None such, and no
    /// such domain, is fine.
    void abandon_back_up(const std::string& name, const std::string& mark);
    /// Lets it start with the host from now on.
    void autostart_domain(const std::string& name);
    void annotate_domain(const std::string& name, const Annotation& annotation);

    /// Keeps a value under a usage name; one that is kept there already is replaced.
    void keep_secret(const std::string& usage, const Secret& value);
    [[nodiscard]] std::optional<Secret> secret(const std::string& usage);
    /// An absent one is fine.
    void forget_secret(const std::string& usage);

    /// The directory of a storage pool that keeps volumes as files; any other pool is not_supported.
    [[nodiscard]] std::string pool_directory(const std::string& pool);
    /// Lets libvirt notice what others did in the pool.
    void refresh_pool(const std::string& pool);
    [[nodiscard]] bool pool_autostarts(const std::string& pool);

    /// Of all, active or not.
    [[nodiscard]] std::vector<std::string> network_definitions();
    /// Nothing: no such network. Otherwise whether it is active.
    [[nodiscard]] std::optional<bool> network_active(const std::string& name);
    void define_network(const std::string& name, const std::string& xml);
    void undefine_network(const std::string& name);
    /// One that is active already, perhaps through a parallel call, is fine.
    void start_network(const std::string& name);
    void autostart_network(const std::string& name);
    [[nodiscard]] bool network_autostarts(const std::string& name);
    /// Ends and undefines the network with this uuid, and no other that may have its name. False: there is
    /// none.
    bool remove_network(const std::string& uuid);
    /// What the network runs with (the same as its definition when it does not), or its definition. Nothing:
    /// no such network.
    [[nodiscard]] std::optional<std::string> network_xml(const std::string& name, Definition definition);
    [[nodiscard]] std::vector<DhcpLease> dhcp_leases(const std::string& network);
    /// Adds a DHCP <host> to a network that runs. False: it has one that contradicts it.
    bool add_dhcp_host(const std::string& network, const std::string& host_xml);
    /// One that is gone already is fine.
    void remove_dhcp_host(const std::string& network, const std::string& host_xml, Reach reach);

    /// Of libvirt on the hypervisor's host, as libvirt counts: 9.0.0 is 9000000.
    [[nodiscard]] unsigned long version();

private:
    struct Connection;
    Connection& connection();
    [[nodiscard]] std::unique_ptr<Connection> connect();
    [[nodiscard]] std::unique_ptr<Connection> connect_again();

    LibvirtAddress address_;
    std::unique_ptr<Connection> connection_;
};

} // namespace cpi
