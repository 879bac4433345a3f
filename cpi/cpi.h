#pragma once

#include "base/log.h"
#include "cpi/config/config.h"
#include "host/host.h"
#include "hypervisor/hypervisor.h"
#include "records/store.h"
#include "virt/libvirt.h"

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace cpi {

/// What a handler works with. Nothing is opened before it is needed.
class Cpi : private Pinned {
public:
    Cpi(const Config& config, Host& here, Log& log);

    [[nodiscard]] const Config& config() const noexcept { return config_; }
    [[nodiscard]] const Hypervisor& hypervisor() const noexcept { return *config_.hypervisor.row; }
    [[nodiscard]] Log& log() noexcept { return log_; }

    /// The hypervisor's.
    [[nodiscard]] Host& host() noexcept { return host_; }
    [[nodiscard]] Store& store() noexcept { return store_; }
    /// Throws where VMs could not open what is in the store. To be asked before something is put there.
    void require_store_for_vms();
    [[nodiscard]] Libvirt& libvirt();
    [[nodiscard]] Machines& machines();

    /// What is good to have once the call has done its work. It happens when the answer is given, for
    /// whatever becomes of it does not make what was done undone.
    void afterwards(std::function<void()> step) { afterwards_.push_back(std::move(step)); }
    void do_what_comes_afterwards() noexcept;

private:
    const Config& config_;
    Log& log_;
    std::unique_ptr<Host> there_; // none: the hypervisor is on this machine
    Host& host_;
    Store store_;
    std::optional<Libvirt> libvirt_;
    std::unique_ptr<Machines> machines_;
    std::vector<std::function<void()>> afterwards_;
};

} // namespace cpi
