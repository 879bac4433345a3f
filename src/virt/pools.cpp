#include "virt/connection.h"
#include "xml/xml.h"

namespace cpi {

PoolPtr Libvirt::Connection::get_pool(const std::string& name) const
{
    return PoolPtr{run({concat("looking up the storage pool '", name, "'"), "pool-list --all"},
                       [&] { return libvirt_api().virStoragePoolLookupByName(handle.get(), name.c_str()); })};
}

std::string Libvirt::pool_directory(const std::string& pool)
{
    const Connection& libvirt = connection();
    const PoolPtr found = libvirt.get_pool(pool);
    const Step step{concat("reading the definition of the storage pool '", pool, "'"),
                    concat("pool-dumpxml ", shell_quote(pool))};
    const CString xml{
        libvirt.run(step, [&] { return libvirt_api().virStoragePoolGetXMLDesc(found.get(), 0); })};
    const xml::Document definition = xml::Document::parse(xml.get(), step.doing);
    const std::string type = definition.root().attribute("type");
    const auto path = definition.root().find("target/path");
    const bool keeps_files = type == "dir" || type == "fs" || type == "netfs";
    if (!keeps_files || !path)
        throw Error{ErrorKind::not_supported, concat("the storage pool '", pool, "' is of type '", type,
                                                     "'; disks go into pools of type dir, fs or netfs")};
    // The file system of a pool that is not active may not be mounted: its directory would look empty.
    if (libvirt.run(step, [&] { return libvirt_api().virStoragePoolIsActive(found.get()); }) != 1)
        throw Error{ErrorKind::cloud, concat("the storage pool '", pool, "' is not active. Try: ",
                                             virsh(concat("pool-start ", shell_quote(pool))))};
    return path->text();
}

void Libvirt::refresh_pool(const std::string& pool)
{
    const Connection& libvirt = connection();
    const PoolPtr found = libvirt.get_pool(pool);
    libvirt.run(
        {concat("refreshing the storage pool '", pool, "'"), concat("pool-refresh ", shell_quote(pool))},
        [&] { return libvirt_api().virStoragePoolRefresh(found.get(), 0); });
}

bool Libvirt::pool_autostarts(const std::string& pool)
{
    const Connection& libvirt = connection();
    const PoolPtr found = libvirt.get_pool(pool);
    int autostart = 0;
    libvirt.run({concat("asking whether the storage pool '", pool, "' starts with the host"),
                 concat("pool-info ", shell_quote(pool))},
                [&] { return libvirt_api().virStoragePoolGetAutostart(found.get(), &autostart); });
    return autostart != 0;
}

} // namespace cpi
