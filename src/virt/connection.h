#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/handle.h"
#include "virt/libvirt.h"
#include "virt/libvirt_api.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <span>
#include <type_traits>

namespace cpi {

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
inline constexpr std::chrono::seconds short_call{120};
inline constexpr std::chrono::seconds long_call{600};

/// One call on one object: what it is for, the virsh command that does the same by hand, how long it may
/// take, and the libvirt error, if any, that means that there was nothing to do.
struct Step {
    std::string doing;
    std::string virsh_words;
    std::chrono::seconds patience = short_call;
    int nothing_to_do = VIR_ERR_OK;
    std::string advice = {}; // what to try instead, where by hand it cannot be done any more
};

/// What libvirt last reported on this thread.
[[nodiscard]] int last_error_code();

/// An open connection, and what all that is asked over it has in common. For this room alone.
struct Libvirt::Connection {
    const LibvirtAddress& address;
    ConnectPtr handle;
    mutable std::map<std::string, DomainPtr> domains = {}; // that were looked up

    [[nodiscard]] bool is_alive() const { return libvirt_api().virConnectIsAlive(handle.get()) == 1; }

    /// Throws what libvirt has just reported.
    [[noreturn]] void fail(const Step& step) const;
    /// ": …" when the connection has ended, and the way there says why.
    [[nodiscard]] std::string blame() const;

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

    template <class Call>
    auto on_domain(const std::string& name, const Step& step,
                   Call call) const // NOLINT(modernize-use-nodiscard)
    {
        virDomainPtr domain = get_domain(name);
        return run(step, [&] { return call(domain); });
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

    /// Asks libvirt. Null: it says that there is none.
    [[nodiscard]] virDomainPtr find_domain(const std::string& name) const;
    [[nodiscard]] NetworkPtr find_network(const std::string& name) const;
    [[nodiscard]] SecretPtr find_secret(const std::string& usage) const;
    /// Throws then. Asks only for one that was not seen before: what is then done says whether it is still
    /// there.
    [[nodiscard]] virDomainPtr get_domain(const std::string& name) const;
    [[nodiscard]] NetworkPtr get_network(const std::string& name) const;
    [[nodiscard]] PoolPtr get_pool(const std::string& name) const;

    [[nodiscard]] bool is_suspended(virDomainPtr domain, const std::string& name) const;
    /// Whether the guest has an agent that is connected.
    [[nodiscard]] static bool has_agent(virDomainPtr domain);

    struct Job {
        int type = VIR_DOMAIN_JOB_NONE; // one of libvirt's virDomainJobType
        std::string error;
    };
    [[nodiscard]] Job job_of(virDomainPtr domain, const Step& step, unsigned flags) const;
    /// False: there still is a job when the patience has run out.
    [[nodiscard]] bool wait_for_job(virDomainPtr domain, const Step& step,
                                    std::chrono::milliseconds patience) const;
    /// Returns when the job no longer writes.
    void end_job(virDomainPtr domain, const Step& step) const;
};

} // namespace cpi
