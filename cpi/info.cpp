#include "cpi/info.h"

#include "cpi/cpi.h"

namespace cpi {

Info info(Cpi& cpi)
{
    const auto& formats = cpi.hypervisor().stemcell_formats;
    return {{formats.begin(), formats.end()}};
}

std::string_view ping(Cpi& /*cpi*/)
{
    return "pong";
}

SizedProperties calculate_vm_cloud_properties(Cpi& /*cpi*/, const VmResources& resources)
{
    constexpr std::int64_t least_memory = 16;
    return {.cpus = resources.cpu.value,
            .memory = std::max(resources.ram.value, least_memory),
            .ephemeral_disk = static_cast<std::int64_t>(resources.ephemeral_disk_size.count)};
}

} // namespace cpi
