#include "cpi/methods.h"

#include "cpi/disk/disks.h"
#include "cpi/disk/snapshots.h"
#include "cpi/info.h"
#include "cpi/network/managed_networks.h"
#include "cpi/stemcell/stemcell_methods.h"
#include "cpi/vm/vms.h"

#include <array>

namespace cpi {

std::span<const Method> methods() noexcept
{
    static constexpr std::array table{
        method<info>("info"),
        method<ping>("ping"),
        not_built("current_vm_id"),

        store_method<create_stemcell>("create_stemcell"),
        store_method<delete_stemcell>("delete_stemcell"),

        machine_method<create_vm>("create_vm"),
        machine_method<delete_vm>("delete_vm"),
        machine_method<has_vm>("has_vm"),
        machine_method<reboot_vm>("reboot_vm"),
        machine_method<set_vm_metadata>("set_vm_metadata"),
        method<calculate_vm_cloud_properties>("calculate_vm_cloud_properties"),
        not_built("configure_networks"),

        store_method<create_disk>("create_disk"),
        method<has_disk>("has_disk"),
        store_method<delete_disk>("delete_disk"),
        machine_method<attach_disk>("attach_disk"),
        machine_method<detach_disk>("detach_disk"),
        machine_method<get_disks>("get_disks"),
        store_method<set_disk_metadata>("set_disk_metadata"),
        store_method<resize_disk>("resize_disk"),
        store_method<update_disk>("update_disk"),
        store_method<snapshot_disk>("snapshot_disk"),
        store_method<delete_snapshot>("delete_snapshot"),

        network_method<create_network>("create_network"),
        network_method<delete_network>("delete_network"),
    };
    return table;
}

} // namespace cpi
