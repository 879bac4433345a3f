#include "cpi/cpi.h"

#include "cpi/config/remote.h"
#include "host/ssh_host.h"

namespace cpi {

namespace {

std::unique_ptr<Host> host_of(const Config& config)
{
    return config.is_remote() ? std::make_unique<SshHost>([&config] { return ssh_address(config); })
                              : nullptr;
}

/// The SSH connection itself says when the host is gone, before somebody takes it for libvirt's fault.
std::chrono::seconds slack_of(const Config& config)
{
    return config.is_remote() ? std::chrono::seconds{config.ssh_patience.value} * patience_with_work
                              : std::chrono::seconds{0};
}

} // namespace

Cpi::Cpi(const Config& config, Host& here, Log& log)
    : config_{config}, log_{log}, there_{host_of(config)}, host_{there_ ? *there_ : here},
      store_{host_, Layout{config.store_dir.text}, log}
{
}

Libvirt& Cpi::libvirt()
{
    if (!libvirt_) {
        std::string uri = config_.connection_uri();
        if (hypervisor().find_uri != nullptr)
            uri = hypervisor().find_uri(host_, uri);
        libvirt_.emplace(
            LibvirtAddress{uri, config_.bin_path, way_to_libvirt(config_, uri), slack_of(config_)});
    }
    return *libvirt_;
}

void Cpi::require_store_for_vms()
{
    const std::string trouble = store_trouble(config_);
    if (trouble.empty())
        return;
    const auto enabled = host_.read("/sys/module/apparmor/parameters/enabled");
    if (enabled && enabled->starts_with('Y'))
        throw Error{ErrorKind::cloud, concat(trouble, ", and the hypervisor's host has AppArmor. Try: "
                                                      "another store_dir")};
}

Machines& Cpi::machines()
{
    if (!machines_)
        machines_ = hypervisor().control({libvirt(), host_, store_.layout(), log_});
    return *machines_;
}

void Cpi::do_what_comes_afterwards() noexcept
{
    for (const auto& step : std::exchange(afterwards_, {})) {
        try {
            step();
        } catch (const std::exception& error) {
            log_.warning(error.what());
        }
    }
}

} // namespace cpi
