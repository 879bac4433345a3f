#include "cpi/cpi.h"

#include "base/error.h"

namespace cpi {

Cpi::Cpi(const Config& config, Host& host, Log& log)
    : config_{config}, host_{host}, log_{log}, store_{host, Layout{config.store_dir.text}, log}
{
}

void Cpi::require_served() const
{
    if (!config_.host.empty())
        throw Error{ErrorKind::not_implemented,
                    concat("host '", config_.host,
                           "': remote hosts are not built yet; this version serves the machine "
                           "that it runs on")};
}

Host& Cpi::host()
{
    require_served();
    return host_;
}

Store& Cpi::store()
{
    require_served();
    return store_;
}

Libvirt& Cpi::libvirt()
{
    require_served();
    if (!libvirt_) {
        const std::string uri = config_.connection_uri();
        const auto find_uri = hypervisor().find_uri;
        libvirt_.emplace(LibvirtAddress{find_uri == nullptr ? uri : find_uri(host_, uri), config_.bin_path});
    }
    return *libvirt_;
}

Machines& Cpi::machines()
{
    require_served();
    if (!machines_)
        machines_ = hypervisor().control({libvirt(), host_, store_.layout(), log_});
    return *machines_;
}

} // namespace cpi
