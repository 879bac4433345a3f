#include "cpi/host_mark.h"

#include "base/error.h"
#include "cpi/cpi.h"

namespace cpi {

void require_this_host(Cpi& cpi)
{
    Store& store = cpi.store();
    store.require();
    // Containers, and hosts that are not set up yet, may have none.
    const std::string own = trim(cpi.host().read("/etc/machine-id").value_or(""));
    if (own.empty() || own == "uninitialized")
        return;
    const Path mark = store.layout().host_mark();
    const std::string marked = trim(cpi.host().read(mark).value_or(""));
    if (marked.empty())
        cpi.afterwards([&cpi, mark, own] { cpi.host().publish(mark, concat(own, "\n"), Access::owner); });
    else if (marked != own)
        throw Error{
            ErrorKind::cloud,
            concat("store_dir '", store.layout().root().native(), "' belongs to the host with machine-id ",
                   marked, ", and this host has ", own,
                   " (/etc/machine-id): two hosts with one store would give a disk to two VMs. Try: another "
                   "store_dir; or, when that host uses it no more, rm ",
                   shell_quote(mark.native()))};
}

} // namespace cpi
