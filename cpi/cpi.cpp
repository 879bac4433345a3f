#include "cpi/cpi.h"

#include "cpi/remote.h"
#include "host/ssh_host.h"

namespace cpi {

namespace {

std::unique_ptr<Host> host_of(const Config& config)
{
    return config.is_remote() ? std::make_unique<SshHost>([&config] { return ssh_address(config); })
                              : nullptr;
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
        libvirt_.emplace(LibvirtAddress{uri, config_.bin_path, way_to_libvirt(config_, uri)});
    }
    return *libvirt_;
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
