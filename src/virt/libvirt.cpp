#include "virt/libvirt.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/handle.h"
#include "virt/libvirt_api.h"

#include <cstdlib>
#include <span>
#include <type_traits>
#include <utility>

namespace cpi {

namespace {

struct CloseConnection {
    void operator()(virConnectPtr connection) const noexcept { libvirt_api().virConnectClose(connection); }
};
struct FreeDomain {
    void operator()(virDomainPtr domain) const noexcept { libvirt_api().virDomainFree(domain); }
};
struct FreeNetwork {
    void operator()(virNetworkPtr network) const noexcept { libvirt_api().virNetworkFree(network); }
};
using ConnectPtr = std::unique_ptr<virConnect, CloseConnection>;
using DomainPtr = std::unique_ptr<virDomain, FreeDomain>;
using NetworkPtr = std::unique_ptr<virNetwork, FreeNetwork>;
using CString = std::unique_ptr<char, FreedBy<std::free>>;

/// Generous: these bound a daemon that hangs, not one that is slow.
constexpr std::chrono::seconds short_call{120};
constexpr std::chrono::seconds long_call{600};

int last_error_code()
{
    const virError* error = libvirt_api().virGetLastError();
    return error == nullptr ? VIR_ERR_OK : error->code;
}

ErrorKind kind_of(int code)
{
    switch (code) {
    case VIR_ERR_NO_DOMAIN: return ErrorKind::vm_not_found;
    case VIR_ERR_NO_NETWORK: return ErrorKind::network_not_found;
    case VIR_ERR_NO_SUPPORT: return ErrorKind::not_supported;
    default: return ErrorKind::cloud;
    }
}

bool is_full_disk(std::string_view message)
{
    return message.find("No space left on device") != std::string_view::npos;
}

unsigned affect_flags(Reach reach)
{
    switch (reach) {
    case Reach::config: return VIR_DOMAIN_AFFECT_CONFIG;
    case Reach::live: return VIR_DOMAIN_AFFECT_LIVE;
    case Reach::live_and_config: break;
    }
    return VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_AFFECT_LIVE;
}

int update_dhcp_host(virNetworkPtr network, virNetworkUpdateCommand command, const std::string& host_xml,
                     Reach reach)
{
    const unsigned flags = reach == Reach::live ? VIR_NETWORK_UPDATE_AFFECT_LIVE
                           : reach == Reach::config
                               ? VIR_NETWORK_UPDATE_AFFECT_CONFIG
                               : VIR_NETWORK_UPDATE_AFFECT_LIVE | VIR_NETWORK_UPDATE_AFFECT_CONFIG;
    constexpr int where_dhcp_is = -1;
    return libvirt_api().virNetworkUpdate(network, command, VIR_NETWORK_SECTION_IP_DHCP_HOST, where_dhcp_is,
                                          host_xml.c_str(), flags);
}

/// While it lives the guest's file systems are whole on its disks and nothing is written to them. A guest
/// without an agent goes on as it is.
class FrozenFileSystems : private Pinned {
public:
    explicit FrozenFileSystems(virDomainPtr domain)
        : domain_{domain}, frozen_{libvirt_api().virDomainFSFreeze(domain, nullptr, 0, 0) >= 0}
    {
    }
    ~FrozenFileSystems()
    {
        if (frozen_)
            libvirt_api().virDomainFSThaw(domain_, nullptr, 0, 0);
    }

private:
    virDomainPtr domain_;
    bool frozen_;
};

/// One call on one object: what it is for, the virsh command that does the same by hand, how long it may
/// take, and the libvirt error, if any, that means that there was nothing to do.
struct Step {
    std::string doing;
    std::string virsh_words;
    std::chrono::seconds patience = short_call;
    int nothing_to_do = VIR_ERR_OK;
};

} // namespace

struct Libvirt::Connection {
    const LibvirtAddress& address;
    ConnectPtr handle;

    /// Throws what libvirt has just reported.
    [[noreturn]] void fail(const Step& step) const
    {
        const virError* reported = libvirt_api().virGetLastError();
        const bool silent = reported == nullptr || reported->message == nullptr;
        const std::string message = silent ? "no reason given" : reported->message;
        throw Error{is_full_disk(message) ? ErrorKind::no_disk_space : kind_of(last_error_code()),
                    concat(step.doing, ": libvirt says: ", message, ". Try: ", address.virsh, " -c ",
                           shell_quote(address.uri), " ", step.virsh_words),
                    Retry::no, message};
    }

    /// Makes the call under a watchdog. A null pointer or a negative number is a failure.
    template <class Call>
    auto run(const Step& step, Call call) const // NOLINT(modernize-use-nodiscard): most want the effect
    {
        check_interrupt();
        const Watchdog watchdog{step.doing, step.patience};
        libvirt_api().virResetLastError();
        auto result = call();
        const bool failed = [&] {
            if constexpr (std::is_integral_v<decltype(result)>)
                return result < 0;
            else
                return result == nullptr;
        }();
        if (failed && (step.nothing_to_do == VIR_ERR_OK || last_error_code() != step.nothing_to_do))
            fail(step);
        return result;
    }

    struct Job {
        int type = VIR_DOMAIN_JOB_NONE; // one of libvirt's virDomainJobType
        std::string error;
    };
    [[nodiscard]] Job job_of(virDomainPtr domain, const Step& step, unsigned flags) const
    {
        Job job;
        virTypedParameterPtr parameters = nullptr;
        int count = 0;
        run(step, [&] {
            return libvirt_api().virDomainGetJobStats(domain, &job.type, &parameters, &count, flags);
        });
        const char* error = nullptr;
        libvirt_api().virTypedParamsGetString(parameters, count, VIR_DOMAIN_JOB_ERRMSG, &error);
        job.error = error == nullptr ? "" : error;
        libvirt_api().virTypedParamsFree(parameters, count);
        return job;
    }

    /// Returns when the job no longer writes.
    void end_job(virDomainPtr domain, const Step& step) const
    {
        constexpr std::chrono::minutes patience{1};
        const ShieldFromInterrupt shield;
        libvirt_api().virDomainAbortJob(domain);
        static_cast<void>(wait_until(Deadline{patience},
                                     [&] { return job_of(domain, step, 0).type == VIR_DOMAIN_JOB_NONE; }));
    }

    /// Null: libvirt says that there is none.
    [[nodiscard]] DomainPtr find_domain(const std::string& name) const
    {
        return DomainPtr{
            run({concat("looking up VM ", name), concat("dominfo ", name), short_call, VIR_ERR_NO_DOMAIN},
                [&] { return libvirt_api().virDomainLookupByName(handle.get(), name.c_str()); })};
    }

    [[nodiscard]] DomainPtr get_domain(const std::string& name) const
    {
        DomainPtr domain = find_domain(name);
        if (!domain)
            throw Error{ErrorKind::vm_not_found, concat("VM '", name, "' not found")};
        return domain;
    }

    /// Null: libvirt says that there is none.
    [[nodiscard]] NetworkPtr find_network(const std::string& name) const
    {
        return NetworkPtr{
            run({concat("looking up network '", name, "'"), concat("net-info ", shell_quote(name)),
                 short_call, VIR_ERR_NO_NETWORK},
                [&] { return libvirt_api().virNetworkLookupByName(handle.get(), name.c_str()); })};
    }

    [[nodiscard]] NetworkPtr get_network(const std::string& name) const
    {
        NetworkPtr network = find_network(name);
        if (!network)
            throw Error{ErrorKind::network_not_found, concat("network '", name, "' not found")};
        return network;
    }
};

Libvirt::Libvirt(LibvirtAddress address) : address_{std::move(address)} {}

Libvirt::~Libvirt() = default;

Libvirt::Connection& Libvirt::connection()
{
    if (!connection_) {
        auto opened = std::make_unique<Connection>(Connection{address_, nullptr});
        opened->handle.reset(opened->run({concat("connecting to ", address_.uri), "list --all"},
                                         [&] { return libvirt_api().virConnectOpen(address_.uri.c_str()); }));
        connection_ = std::move(opened);
    }
    return *connection_;
}

bool Libvirt::domain_exists(const std::string& name)
{
    return connection().find_domain(name) != nullptr;
}

DomainState Libvirt::domain_state(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    const int active = libvirt.run({concat("asking whether VM ", name, " runs"), concat("domstate ", name)},
                                   [&] { return libvirt_api().virDomainIsActive(domain.get()); });
    return active == 1 ? DomainState::running : DomainState::off;
}

std::string Libvirt::domain_xml(const std::string& name, Definition definition)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    const unsigned flags =
        definition == Definition::inactive ? static_cast<unsigned>(VIR_DOMAIN_XML_INACTIVE) : 0U;
    const CString xml{libvirt.run({concat("reading the definition of VM ", name), concat("dumpxml ", name)},
                                  [&] { return libvirt_api().virDomainGetXMLDesc(domain.get(), flags); })};
    return xml.get();
}

void Libvirt::define_domain(const std::string& name, const std::string& xml)
{
    const Connection& libvirt = connection();
    const DomainPtr domain{libvirt.run(
        {concat("defining VM ", name), "define FILE, with the definition that the log shows", long_call},
        [&] { return libvirt_api().virDomainDefineXMLFlags(libvirt.handle.get(), xml.c_str(), 0); })};
}

void Libvirt::start_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run({concat("starting VM ", name), concat("start ", name), long_call},
                [&] { return libvirt_api().virDomainCreate(domain.get()); });
}

void Libvirt::shut_down_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run({concat("asking VM ", name, " to shut down"), concat("shutdown ", name), short_call,
                 VIR_ERR_OPERATION_INVALID},
                [&] { return libvirt_api().virDomainShutdownFlags(domain.get(), 0); });
}

void Libvirt::destroy_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    // It may have ended by itself.
    libvirt.run(
        {concat("stopping VM ", name), concat("destroy ", name), long_call, VIR_ERR_OPERATION_INVALID},
        [&] { return libvirt_api().virDomainDestroyFlags(domain.get(), 0); });
}

void Libvirt::undefine_domain(const std::string& name, unsigned flags)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run(
        {concat("undefining VM ", name), concat("undefine --nvram ", name), short_call, VIR_ERR_NO_DOMAIN},
        [&] { return libvirt_api().virDomainUndefineFlags(domain.get(), flags); });
}

void Libvirt::attach_device(const std::string& name, const std::string& device_xml, Reach reach)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run({concat("attaching a device to VM ", name),
                 concat("attach-device ", name, " FILE --persistent, with the device that the log shows"),
                 long_call},
                [&] {
                    return libvirt_api().virDomainAttachDeviceFlags(domain.get(), device_xml.c_str(),
                                                                    affect_flags(reach));
                });
}

void Libvirt::detach_device(const std::string& name, const std::string& device_xml, Reach reach)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run({concat("detaching a device from VM ", name),
                 concat("detach-device ", name, " FILE --persistent, with the device that the log shows"),
                 long_call},
                [&] {
                    return libvirt_api().virDomainDetachDeviceFlags(domain.get(), device_xml.c_str(),
                                                                    affect_flags(reach));
                });
}

void Libvirt::resize_disk(const std::string& name, const std::string& file, std::uint64_t bytes)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run({concat("resizing ", file, " of VM ", name),
                 concat("blockresize ", name, " ", shell_quote(file), " ", bytes, "b"), long_call},
                [&] {
                    return libvirt_api().virDomainBlockResize(domain.get(), file.c_str(), bytes,
                                                              VIR_DOMAIN_BLOCK_RESIZE_BYTES);
                });
}

void Libvirt::back_up(const std::string& name, const std::string& backup_xml)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    const Step step{concat("copying a disk of VM ", name),
                    concat("backup-begin ", name, " FILE, with the job that the log shows"), long_call};
    {
        const FrozenFileSystems frozen{domain.get()};
        libvirt.run(step, [&] {
            return libvirt_api().virDomainBackupBegin(domain.get(), backup_xml.c_str(), nullptr, 0);
        });
    }
    try {
        constexpr std::chrono::hours patience{6};
        const bool ended = wait_until(Deadline{patience}, [&] {
            return libvirt.job_of(domain.get(), step, 0).type == VIR_DOMAIN_JOB_NONE;
        });
        if (!ended)
            throw Error{ErrorKind::cloud, concat(step.doing, ": not done after ", patience.count(), " h")};
    } catch (...) {
        libvirt.end_job(domain.get(), step);
        throw;
    }
    const auto job = libvirt.job_of(domain.get(), step, VIR_DOMAIN_JOB_STATS_COMPLETED);
    if (job.type != VIR_DOMAIN_JOB_COMPLETED)
        throw Error{is_full_disk(job.error) ? ErrorKind::no_disk_space : ErrorKind::cloud,
                    concat(step.doing, ": libvirt says: the job ended before it was done",
                           job.error.empty() ? "" : ": ", job.error)};
}

void Libvirt::annotate_domain(const std::string& name, const Annotation& annotation)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    const Step step{concat("setting the metadata of VM ", name),
                    concat("metadata ", name, " ", annotation.xml_namespace)};
    const int active = libvirt.run(step, [&] { return libvirt_api().virDomainIsActive(domain.get()); });
    const unsigned flags = affect_flags(active == 1 ? Reach::live_and_config : Reach::config);
    const auto set = [&](int type, const std::string& value, const char* prefix, const char* xml_namespace) {
        libvirt.run(step, [&] {
            return libvirt_api().virDomainSetMetadata(domain.get(), type, value.c_str(), prefix,
                                                      xml_namespace, flags);
        });
    };
    set(VIR_DOMAIN_METADATA_TITLE, annotation.title, nullptr, nullptr);
    set(VIR_DOMAIN_METADATA_DESCRIPTION, annotation.description, nullptr, nullptr);
    set(VIR_DOMAIN_METADATA_ELEMENT, annotation.element, annotation.prefix.c_str(),
        annotation.xml_namespace.c_str());
}

std::optional<bool> Libvirt::network_active(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.find_network(name);
    if (!network)
        return std::nullopt;
    const int active = libvirt.run(
        {concat("asking whether network '", name, "' is active"), concat("net-info ", shell_quote(name))},
        [&] { return libvirt_api().virNetworkIsActive(network.get()); });
    return active == 1;
}

void Libvirt::define_network(const std::string& name, const std::string& xml)
{
    const Connection& libvirt = connection();
    const NetworkPtr network{libvirt.run({concat("defining network '", name, "'"), "net-list --all"}, [&] {
        return libvirt_api().virNetworkDefineXML(libvirt.handle.get(), xml.c_str());
    })};
}

void Libvirt::undefine_network(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.get_network(name);
    libvirt.run({concat("undefining network '", name, "'"), concat("net-undefine ", shell_quote(name))},
                [&] { return libvirt_api().virNetworkUndefine(network.get()); });
}

void Libvirt::start_network(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.get_network(name);
    libvirt.run({concat("starting network '", name, "'"), concat("net-start ", shell_quote(name)), short_call,
                 VIR_ERR_OPERATION_INVALID},
                [&] { return libvirt_api().virNetworkCreate(network.get()); });
}

void Libvirt::autostart_network(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.get_network(name);
    libvirt.run({concat("letting network '", name, "' start with the host"),
                 concat("net-autostart ", shell_quote(name))},
                [&] { return libvirt_api().virNetworkSetAutostart(network.get(), 1); });
}

std::optional<std::string> Libvirt::network_xml(const std::string& name, Definition definition)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.find_network(name);
    if (!network)
        return std::nullopt;
    const Step step{concat("reading the definition of network '", name, "'"),
                    concat("net-dumpxml ", shell_quote(name))};
    // A network that is gone when it stops has no other definition than what it runs with.
    const bool wants_inactive = definition == Definition::inactive && libvirt.run(step, [&] {
        return libvirt_api().virNetworkIsPersistent(network.get());
    }) == 1;
    const unsigned flags = wants_inactive ? static_cast<unsigned>(VIR_NETWORK_XML_INACTIVE) : 0U;
    const CString xml{
        libvirt.run(step, [&] { return libvirt_api().virNetworkGetXMLDesc(network.get(), flags); })};
    return xml.get();
}

std::vector<DhcpLease> Libvirt::dhcp_leases(const std::string& network)
{
    const Connection& libvirt = connection();
    const NetworkPtr handle = libvirt.get_network(network);
    virNetworkDHCPLeasePtr* leases = nullptr;
    const int count =
        libvirt.run({concat("listing the DHCP leases of network '", network, "'"),
                     concat("net-dhcp-leases ", shell_quote(network))},
                    [&] { return libvirt_api().virNetworkGetDHCPLeases(handle.get(), nullptr, &leases, 0); });
    std::vector<DhcpLease> found;
    for (virNetworkDHCPLeasePtr lease : std::span{leases, static_cast<std::size_t>(count)}) {
        found.push_back({lease->mac == nullptr ? "" : lease->mac, lease->ipaddr});
        libvirt_api().virNetworkDHCPLeaseFree(lease);
    }
    std::free(leases); // NOLINT(*-no-malloc,*-owning-memory): libvirt allocated it
    return found;
}

bool Libvirt::add_dhcp_host(const std::string& network, const std::string& host_xml)
{
    const Connection& libvirt = connection();
    const NetworkPtr handle = libvirt.get_network(network);
    const int done =
        libvirt.run({concat("reserving an address on network '", network, "'"),
                     concat("net-update ", shell_quote(network), " add ip-dhcp-host ", shell_quote(host_xml),
                            " --live --config"),
                     short_call, VIR_ERR_OPERATION_INVALID},
                    [&] {
                        return update_dhcp_host(handle.get(), VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, host_xml,
                                                Reach::live_and_config);
                    });
    return done == 0;
}

void Libvirt::remove_dhcp_host(const std::string& network, const std::string& host_xml, Reach reach)
{
    const Connection& libvirt = connection();
    const NetworkPtr handle = libvirt.get_network(network);
    libvirt.run(
        {concat("taking back an address on network '", network, "'"),
         concat("net-update ", shell_quote(network), " delete ip-dhcp-host ", shell_quote(host_xml),
                reach == Reach::live ? " --live" : " --config"),
         short_call, VIR_ERR_OPERATION_INVALID},
        [&] { return update_dhcp_host(handle.get(), VIR_NETWORK_UPDATE_COMMAND_DELETE, host_xml, reach); });
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
