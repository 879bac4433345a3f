#pragma once

#include "base/log.h"
#include "cpi/config.h"
#include "host/host.h"
#include "hypervisor/hypervisor.h"
#include "storage/store.h"
#include "virt/libvirt.h"

#include <optional>

namespace cpi {

/// What a handler works with. Nothing is opened before it is needed.
class Cpi : private Pinned {
public:
    Cpi(const Config& config, Host& host, Log& log);

    [[nodiscard]] const Config& config() const noexcept { return config_; }
    [[nodiscard]] const Hypervisor& hypervisor() const noexcept { return *config_.hypervisor.row; }
    [[nodiscard]] Log& log() noexcept { return log_; }

    /// Each of these throws not_implemented when this version cannot serve the configured host.
    [[nodiscard]] Host& host();
    [[nodiscard]] Store& store();
    [[nodiscard]] Libvirt& libvirt();
    [[nodiscard]] Machines& machines();

private:
    void require_served() const;

    const Config& config_;
    Host& host_;
    Log& log_;
    Store store_;
    std::optional<Libvirt> libvirt_;
    std::unique_ptr<Machines> machines_;
};

} // namespace cpi
