#include "virt/libvirt.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/handle.h"
#include "virt/libvirt_api.h"
#include "virt/uri.h"
#include "xml/xml.h"

#include <algorithm>
#include <array>
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
struct FreeSecret {
    void operator()(virSecretPtr secret) const noexcept { libvirt_api().virSecretFree(secret); }
};
struct FreePool {
    void operator()(virStoragePoolPtr pool) const noexcept { libvirt_api().virStoragePoolFree(pool); }
};
using ConnectPtr = std::unique_ptr<virConnect, CloseConnection>;
using DomainPtr = std::unique_ptr<virDomain, FreeDomain>;
using NetworkPtr = std::unique_ptr<virNetwork, FreeNetwork>;
using SecretPtr = std::unique_ptr<virSecret, FreeSecret>;
using PoolPtr = std::unique_ptr<virStoragePool, FreePool>;
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

/// One call on one object: what it is for, the virsh command that does the same by hand, how long it may
/// take, and the libvirt error, if any, that means that there was nothing to do.
struct Step {
    std::string doing;
    std::string virsh_words;
    std::chrono::seconds patience = short_call;
    int nothing_to_do = VIR_ERR_OK;
    std::string advice = {}; // what to try instead, where by hand it cannot be done any more
};

std::string virsh_command(const LibvirtAddress& address, std::string_view words)
{
    return concat(address.virsh, " -c ", shell_quote(address.uri), " ", words);
}

/// A domain has one job at a time.
constexpr std::chrono::hours patience_with_jobs{6};

Step back_up_step(const std::string& name)
{
    return {concat("copying a disk of VM ", name),
            concat("backup-begin ", name, " FILE, with the job that the log shows"), long_call};
}

} // namespace

struct Libvirt::Connection {
    const LibvirtAddress& address;
    ConnectPtr handle;

    [[nodiscard]] bool is_alive() const { return libvirt_api().virConnectIsAlive(handle.get()) == 1; }

    /// Throws what libvirt has just reported.
    [[noreturn]] void fail(const Step& step) const
    {
        const virError* reported = libvirt_api().virGetLastError();
        const bool silent = reported == nullptr || reported->message == nullptr;
        const std::string message = concat(silent ? "no reason given" : reported->message, blame());
        throw Error{says_disk_is_full(message) ? ErrorKind::no_disk_space : kind_of(last_error_code()),
                    concat(step.doing, ": libvirt says: ", message, ". Try: ",
                           step.advice.empty() ? virsh_command(address, step.virsh_words) : step.advice),
                    says_it_may_pass(message) ? Retry::yes : Retry::no, message};
    }

    /// ": …" when the connection has ended, and the way there says why.
    [[nodiscard]] std::string blame() const
    {
        const virError* reported = libvirt_api().virGetLastError();
        if (!address.way || reported == nullptr || reported->domain != VIR_FROM_RPC)
            return {};
        const std::string complaint = address.way->complaint();
        return complaint.empty() ? "" : concat(": ", complaint);
    }

    /// Makes the call under a watchdog. A null pointer or a negative number is a failure.
    template <class Call>
    auto run(const Step& step, Call call) const // NOLINT(modernize-use-nodiscard): most want the effect
    {
        check_interrupt();
        const Watchdog watchdog{step.doing, step.patience + address.slack};
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

    /// What libvirt lists, each in the hands of an owner.
    template <class Owner, class List>
    [[nodiscard]] std::vector<Owner> list(const Step& step, List of) const
    {
        typename Owner::pointer* found = nullptr;
        const int count = run(step, [&] { return of(handle.get(), &found, 0); });
        const std::unique_ptr<typename Owner::pointer, FreedBy<std::free>> array{found};
        const std::span all{array.get(), static_cast<std::size_t>(std::max(count, 0))};
        return std::vector<Owner>(all.begin(), all.end());
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

    /// False: there still is a job when the patience has run out.
    [[nodiscard]] bool wait_for_job(virDomainPtr domain, const Step& step,
                                    std::chrono::milliseconds patience) const
    {
        return wait_until(Deadline{patience},
                          [&] { return job_of(domain, step, 0).type == VIR_DOMAIN_JOB_NONE; });
    }

    /// Returns when the job no longer writes.
    void end_job(virDomainPtr domain, const Step& step) const
    {
        constexpr std::chrono::minutes patience{1};
        const ShieldFromInterrupt shield;
        libvirt_api().virDomainAbortJob(domain);
        static_cast<void>(wait_for_job(domain, step, patience));
    }

    /// Null: libvirt says that there is none.
    [[nodiscard]] DomainPtr find_domain(const std::string& name) const
    {
        return DomainPtr{
            run({concat("looking up VM ", name), concat("dominfo ", name), short_call, VIR_ERR_NO_DOMAIN},
                [&] { return libvirt_api().virDomainLookupByName(handle.get(), name.c_str()); })};
    }

    [[nodiscard]] bool is_suspended(virDomainPtr domain, const std::string& name) const
    {
        int state = VIR_DOMAIN_NOSTATE;
        run({concat("asking what VM ", name, " does"), concat("domstate ", name)},
            [&] { return libvirt_api().virDomainGetState(domain, &state, nullptr, 0); });
        return state == VIR_DOMAIN_PAUSED;
    }

    /// Whether the guest has an agent that is connected.
    [[nodiscard]] static bool has_agent(virDomainPtr domain)
    {
        const CString xml{libvirt_api().virDomainGetXMLDesc(domain, 0)};
        if (!xml)
            return false;
        const xml::Document definition = xml::Document::parse(xml.get(), "a VM's definition");
        const auto devices = definition.root().child("devices");
        return devices && std::ranges::any_of(devices->children("channel"), [](const xml::Element& channel) {
                   const auto target = channel.child("target");
                   return target && target->attribute("name") == "org.qemu.guest_agent.0" &&
                          target->attribute("state") == "connected";
               });
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

    /// Null: libvirt says that there is none.
    [[nodiscard]] SecretPtr find_secret(const std::string& usage) const
    {
        return SecretPtr{
            run({concat("looking up the secret '", usage, "'"), "secret-list", short_call, VIR_ERR_NO_SECRET},
                [&] {
                    return libvirt_api().virSecretLookupByUsage(handle.get(), VIR_SECRET_USAGE_TYPE_VOLUME,
                                                                usage.c_str());
                })};
    }

    [[nodiscard]] PoolPtr get_pool(const std::string& name) const
    {
        return PoolPtr{run({concat("looking up the storage pool '", name, "'"), "pool-list --all"}, [&] {
            return libvirt_api().virStoragePoolLookupByName(handle.get(), name.c_str());
        })};
    }
};

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

std::vector<std::string> Libvirt::domain_names()
{
    const Step step{"listing VMs", "list --all"};
    std::vector<std::string> names;
    for (const DomainPtr& domain : connection().list<DomainPtr>(step, libvirt_api().virConnectListAllDomains))
        names.emplace_back(libvirt_api().virDomainGetName(domain.get()));
    return names;
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

void Libvirt::define_domain(const std::string& name, const std::string& xml, const std::string& advice)
{
    const Connection& libvirt = connection();
    const DomainPtr domain{libvirt.run(
        {concat("defining VM ", name), "define FILE, with the definition that the log shows", long_call,
         VIR_ERR_OK, advice},
        [&] { return libvirt_api().virDomainDefineXMLFlags(libvirt.handle.get(), xml.c_str(), 0); })};
}

void Libvirt::start_domain(const std::string& name, const std::string& advice)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run({concat("starting VM ", name), concat("start ", name), long_call, VIR_ERR_OK, advice},
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

void Libvirt::signal_domain(const std::string& name, unsigned signal)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run({concat("signalling VM ", name), concat("send-process-signal ", name, " 1 ", signal),
                 short_call, VIR_ERR_OPERATION_INVALID},
                [&] { return libvirt_api().virDomainSendProcessSignal(domain.get(), 1, signal, 0); });
}

bool Libvirt::suspend_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    if (libvirt.is_suspended(domain.get(), name))
        return false;
    libvirt.run({concat("suspending VM ", name), concat("suspend ", name)},
                [&] { return libvirt_api().virDomainSuspend(domain.get()); });
    return true;
}

bool Libvirt::resume_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    if (!libvirt.is_suspended(domain.get(), name))
        return false;
    libvirt.run({concat("resuming VM ", name), concat("resume ", name)},
                [&] { return libvirt_api().virDomainResume(domain.get()); });
    return true;
}

void Libvirt::destroy_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    // It may have ended by itself.
    const Step step{concat("stopping VM ", name), concat("destroy ", name), long_call,
                    VIR_ERR_OPERATION_INVALID};
    const auto destroy = [&] {
        libvirt.run(step, [&] { return libvirt_api().virDomainDestroyFlags(domain.get(), 0); });
    };
    // Where one of many processes ends just then, libvirt's lxc driver gives up half-way.
    constexpr std::chrono::seconds patience{20};
    const bool done = wait_until(Deadline{patience}, [&] {
        try {
            destroy();
            return true;
        } catch (const Error&) {
            const int active = libvirt_api().virDomainIsActive(domain.get());
            if (active < 0)
                throw;
            return active == 0;
        }
    });
    if (!done)
        destroy();
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
                 long_call, VIR_ERR_DEVICE_MISSING},
                [&] {
                    return libvirt_api().virDomainDetachDeviceFlags(domain.get(), device_xml.c_str(),
                                                                    affect_flags(reach));
                });
}

void Libvirt::grow_disk(const std::string& name, const std::string& file, std::uint64_t bytes)
{
    constexpr unsigned long knows_extend = 12'003'000;
    constexpr unsigned extend = 1U << 2U; // VIR_DOMAIN_BLOCK_RESIZE_EXTEND, which older headers do not have
    const unsigned flags = VIR_DOMAIN_BLOCK_RESIZE_BYTES | (version() >= knows_extend ? extend : 0U);
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run({concat("resizing ", file, " of VM ", name),
                 concat("blockresize ", name, " ", shell_quote(file), " ", bytes, "b"), long_call},
                [&] { return libvirt_api().virDomainBlockResize(domain.get(), file.c_str(), bytes, flags); });
}

std::uint64_t Libvirt::disk_size(const std::string& name, const std::string& target)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    virDomainBlockInfo info{};
    libvirt.run({concat("asking for the size of disk ", target, " of VM ", name),
                 concat("domblkinfo ", name, " ", target)},
                [&] { return libvirt_api().virDomainGetBlockInfo(domain.get(), target.c_str(), &info, 0); });
    return info.capacity;
}

bool Libvirt::freeze_file_systems(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    const Step step{concat("asking VM ", name, " to bring its file systems into order"),
                    concat("domfsfreeze ", name)};
    try {
        libvirt.run(step, [&] { return libvirt_api().virDomainFSFreeze(domain.get(), nullptr, 0, 0); });
        return true;
    } catch (const Error& error) {
        if (error.ok_to_retry())
            throw;
        return false;
    }
}

void Libvirt::thaw_file_systems(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.find_domain(name);
    if (!domain)
        return;
    const Step step{concat("letting VM ", name, " write to its file systems again"),
                    concat("domfsthaw ", name)};
    try {
        libvirt.run(step, [&] { return libvirt_api().virDomainFSThaw(domain.get(), nullptr, 0, 0); });
    } catch (Error& error) {
        // Who has no agent, or is off, is not frozen either; one that is busy may answer later.
        if (!error.ok_to_retry() && !Connection::has_agent(domain.get()))
            return;
        error.allow_retry();
        throw;
    }
}

void Libvirt::begin_back_up(const std::string& name, const std::string& backup_xml)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run(back_up_step(name), [&] {
        return libvirt_api().virDomainBackupBegin(domain.get(), backup_xml.c_str(), nullptr,
                                                  VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL);
    });
}

void Libvirt::await_turn_to_back_up(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    const Step step = back_up_step(name);
    if (!libvirt.wait_for_job(domain.get(), step, patience_with_jobs))
        throw Error{ErrorKind::cloud,
                    concat(step.doing, ": another job is not done after ", patience_with_jobs.count(),
                           " h. Try: ", virsh(concat("domjobabort ", name)))};
}

void Libvirt::finish_back_up(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    const Step step = back_up_step(name);
    try {
        if (!libvirt.wait_for_job(domain.get(), step, patience_with_jobs))
            throw Error{ErrorKind::cloud,
                        concat(step.doing, ": not done after ", patience_with_jobs.count(), " h")};
    } catch (...) {
        libvirt.end_job(domain.get(), step);
        throw;
    }
    const auto job = libvirt.job_of(domain.get(), step, VIR_DOMAIN_JOB_STATS_COMPLETED);
    if (job.type != VIR_DOMAIN_JOB_COMPLETED)
        throw Error{says_disk_is_full(job.error) ? ErrorKind::no_disk_space : ErrorKind::cloud,
                    concat(step.doing, ": libvirt says: the job ended before it was done",
                           job.error.empty() ? "" : ": ", job.error)};
}

void Libvirt::abandon_back_up(const std::string& name, const std::string& mark)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.find_domain(name);
    if (!domain)
        return;
    const Step step{concat("ending an abandoned copy of a disk of VM ", name),
                    concat("backup-dumpxml ", name), short_call, VIR_ERR_NO_DOMAIN_BACKUP};
    const CString job{
        libvirt.run(step, [&] { return libvirt_api().virDomainBackupGetXMLDesc(domain.get(), 0); })};
    if (job && std::string_view{job.get()}.find(mark) != std::string_view::npos)
        libvirt.end_job(domain.get(), step);
}

void Libvirt::autostart_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    const DomainPtr domain = libvirt.get_domain(name);
    libvirt.run({concat("letting VM ", name, " start with the host"), concat("autostart ", name)},
                [&] { return libvirt_api().virDomainSetAutostart(domain.get(), 1); });
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

void Libvirt::keep_secret(const std::string& usage, const Secret& value)
{
    const Connection& libvirt = connection();
    const Step step{concat("keeping the secret '", usage, "'"), "secret-list"};
    SecretPtr secret = libvirt.find_secret(usage);
    if (!secret) {
        const xml::Document definition{"secret"};
        definition.root().set("ephemeral", "no").set("private", "no");
        definition.root().add("description", "the key of disks that the BOSH CPI made");
        definition.root().add("usage").set("type", "volume").add("volume", usage);
        secret.reset(libvirt.run(step, [&] {
            return libvirt_api().virSecretDefineXML(libvirt.handle.get(), definition.to_text().c_str(), 0);
        }));
    }
    const std::string& bytes = value.reveal();
    libvirt.run(step, [&] {
        // NOLINTNEXTLINE(*-reinterpret-cast): libvirt's bytes are unsigned
        return libvirt_api().virSecretSetValue(
            secret.get(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), 0);
    });
}

std::optional<Secret> Libvirt::secret(const std::string& usage)
{
    const Connection& libvirt = connection();
    const SecretPtr secret = libvirt.find_secret(usage);
    if (!secret)
        return std::nullopt;
    std::size_t size = 0;
    using Bytes = std::unique_ptr<unsigned char, FreedBy<std::free>>;
    const Bytes bytes{libvirt.run({concat("reading the secret '", usage, "'"), "secret-list"},
                                  [&] { return libvirt_api().virSecretGetValue(secret.get(), &size, 0); })};
    return Secret{std::string{bytes.get(), bytes.get() + size}};
}

void Libvirt::forget_secret(const std::string& usage)
{
    const Connection& libvirt = connection();
    const SecretPtr secret = libvirt.find_secret(usage);
    if (secret)
        libvirt.run(
            {concat("removing the secret '", usage, "'"), "secret-list", short_call, VIR_ERR_NO_SECRET},
            [&] { return libvirt_api().virSecretUndefine(secret.get()); });
}

std::string Libvirt::pool_directory(const std::string& pool)
{
    const Connection& libvirt = connection();
    const PoolPtr found = libvirt.get_pool(pool);
    const Step step{concat("reading the definition of the storage pool '", pool, "'"),
                    concat("pool-dumpxml ", shell_quote(pool))};
    const CString xml{
        libvirt.run(step, [&] { return libvirt_api().virStoragePoolGetXMLDesc(found.get(), 0); })};
    const xml::Document definition = xml::Document::parse(xml.get(), step.doing);
    const std::string type = definition.root().attribute("type");
    const auto path = definition.root().find("target/path");
    const bool keeps_files = type == "dir" || type == "fs" || type == "netfs";
    if (!keeps_files || !path)
        throw Error{ErrorKind::not_supported, concat("the storage pool '", pool, "' is of type '", type,
                                                     "'; disks go into pools of type dir, fs or netfs")};
    // The file system of a pool that is not active may not be mounted: its directory would look empty.
    if (libvirt.run(step, [&] { return libvirt_api().virStoragePoolIsActive(found.get()); }) != 1)
        throw Error{ErrorKind::cloud, concat("the storage pool '", pool, "' is not active. Try: ",
                                             virsh(concat("pool-start ", shell_quote(pool))))};
    return path->text();
}

void Libvirt::refresh_pool(const std::string& pool)
{
    const Connection& libvirt = connection();
    const PoolPtr found = libvirt.get_pool(pool);
    libvirt.run(
        {concat("refreshing the storage pool '", pool, "'"), concat("pool-refresh ", shell_quote(pool))},
        [&] { return libvirt_api().virStoragePoolRefresh(found.get(), 0); });
}

bool Libvirt::pool_autostarts(const std::string& pool)
{
    const Connection& libvirt = connection();
    const PoolPtr found = libvirt.get_pool(pool);
    int autostart = 0;
    libvirt.run({concat("asking whether the storage pool '", pool, "' starts with the host"),
                 concat("pool-info ", shell_quote(pool))},
                [&] { return libvirt_api().virStoragePoolGetAutostart(found.get(), &autostart); });
    return autostart != 0;
}

std::vector<std::string> Libvirt::network_definitions()
{
    const Connection& libvirt = connection();
    const Step step{"listing networks", "net-list --all", short_call, VIR_ERR_NO_NETWORK};
    std::vector<std::string> definitions;
    for (const NetworkPtr& network :
         libvirt.list<NetworkPtr>(step, libvirt_api().virConnectListAllNetworks)) {
        const CString xml{
            libvirt.run(step, [&] { return libvirt_api().virNetworkGetXMLDesc(network.get(), 0); })};
        if (xml)
            definitions.emplace_back(xml.get());
    }
    return definitions;
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
    libvirt.run(
        {concat("starting network '", name, "'"), "net-list --all", short_call, VIR_ERR_OPERATION_INVALID},
        [&] { return libvirt_api().virNetworkCreate(network.get()); });
}

void Libvirt::autostart_network(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.get_network(name);
    libvirt.run({concat("letting network '", name, "' start with the host"), "net-list --all"},
                [&] { return libvirt_api().virNetworkSetAutostart(network.get(), 1); });
}

bool Libvirt::network_autostarts(const std::string& name)
{
    const Connection& libvirt = connection();
    const NetworkPtr network = libvirt.get_network(name);
    int autostart = 0;
    libvirt.run({concat("asking whether network '", name, "' starts with the host"),
                 concat("net-info ", shell_quote(name))},
                [&] { return libvirt_api().virNetworkGetAutostart(network.get(), &autostart); });
    return autostart != 0;
}

bool Libvirt::remove_network(const std::string& uuid)
{
    const Connection& libvirt = connection();
    const NetworkPtr network{libvirt.run(
        {concat("looking up network ", uuid), concat("net-info ", uuid), short_call, VIR_ERR_NO_NETWORK},
        [&] { return libvirt_api().virNetworkLookupByUUIDString(libvirt.handle.get(), uuid.c_str()); })};
    if (!network)
        return false;
    // It may not have been started, or be gone when it is no longer active.
    libvirt.run({concat("stopping network ", uuid), concat("net-destroy ", uuid), short_call,
                 VIR_ERR_OPERATION_INVALID},
                [&] { return libvirt_api().virNetworkDestroy(network.get()); });
    libvirt.run(
        {concat("undefining network ", uuid), concat("net-undefine ", uuid), short_call, VIR_ERR_NO_NETWORK},
        [&] { return libvirt_api().virNetworkUndefine(network.get()); });
    return true;
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
