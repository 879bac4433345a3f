#include "cpi/owner.h"

#include "base/error.h"

namespace cpi {

void require_own(Cpi& cpi, std::string_view cid, std::string_view owner)
{
    const std::string_view own = cpi.hypervisor().name;
    if (owner != own)
        throw Error{ErrorKind::cloud,
                    concat("'", cid, "' belongs to the hypervisor '", owner,
                           "', and the CPI is configured for '", own, "'. Try: set hypervisor to '", owner,
                           "' again; persistent disks can be moved by convert-disk")};
}

void require_own_record(Cpi& cpi, std::string_view cid, const std::optional<std::string>& record)
{
    if (!record)
        return;
    const json::Document document = json::parse(*record, concat("the record of '", cid, "'"));
    require_own(cpi, cid, json::root(document).at("hypervisor").string());
}

void write_vm_record(Cpi& cpi, const Path& folder)
{
    json::Writer out;
    out.begin_object().key("hypervisor").string(cpi.hypervisor().name).end_object();
    cpi.host().publish(folder / file_name::vm_record, json::pretty(out.text()), Access::owner);
}

} // namespace cpi
