#pragma once

#include "base/pinned.h"
#include "host/host.h"

#include <chrono>
#include <string>
#include <string_view>

namespace cpi {

/// VMware's own program, on the hypervisor's host: it always knows what runs, which a connection of libvirt
/// does not, and it can stop a VM whose guest does not answer. A VM is named by its VMX, the file with its
/// configuration.
class Vmrun : private Pinned {
public:
    /// For what libvirt's URI names: vmwarews:///session, vmwareplayer:///session or vmwarefusion:///session.
    Vmrun(Host& host, std::string_view uri);

    [[nodiscard]] bool runs(const Path& vmx);
    /// Asks the guest. False: it cannot be asked, or did not stop within the patience.
    [[nodiscard]] bool stop_softly(const Path& vmx, std::chrono::seconds patience);
    /// Returns when it no longer runs; one that does not run is fine.
    void stop(const Path& vmx);
    [[nodiscard]] bool can_suspend() const noexcept { return can_suspend_; }
    /// Returns when nothing of the VM is in memory only.
    void suspend(const Path& vmx);
    /// A VM that was suspended goes on.
    void resume(const Path& vmx);

private:
    [[nodiscard]] Command command(std::string_view verb, const Path& vmx, std::string_view how) const;
    void run(std::string_view doing, std::string_view verb, const Path& vmx, std::string_view how);

    Host& host_;
    std::string product_; // as vmrun calls it
    bool can_suspend_ = false;
};

/// The URI under which libvirt knows the VMware that is installed on the host, for `vmware:` with whatever
/// follows; any other URI as it is. Throws when there is no VMware.
[[nodiscard]] std::string find_vmware(Host& host, std::string_view uri);

} // namespace cpi
