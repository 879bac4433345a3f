#include "cpi/cpi.h"

#include "base/error.h"

namespace cpi {

Cpi::Cpi(const Config& config, Host& host, Log& log)
    : config_{config}, host_{host}, log_{log}, store_{host, Layout{config.store_dir.text}, log},
      libvirt_{{config.connection_uri(), config.bin_path}}
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

const Machinery& Cpi::machinery() const
{
    require_served();
    return machinery_of(hypervisor());
}

Host& Cpi::host()
{
    static_cast<void>(machinery());
    return host_;
}

Store& Cpi::store()
{
    static_cast<void>(machinery());
    return store_;
}

Libvirt& Cpi::libvirt()
{
    static_cast<void>(machinery());
    return libvirt_;
}

Machines Cpi::machines()
{
    return Machines{libvirt_, machinery(), log_};
}

} // namespace cpi
