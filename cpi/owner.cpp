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

void write_vm_record(Cpi& cpi, const Path& folder, const std::vector<AddressClaim>& addresses)
{
    json::Writer out;
    out.begin_object().key("hypervisor").string(cpi.hypervisor().name);
    out.key("addresses").begin_array();
    for (const AddressClaim& claim : addresses)
        out.string(cpi.store().layout().of(claim).filename().native());
    out.end_array().end_object();
    cpi.host().publish(folder / file_name::vm_record, json::pretty(out.text()), Access::owner);
}

std::vector<std::string> addresses_in(const std::string& vm_record)
{
    const json::Document document = json::parse(vm_record, "the record of a VM");
    const json::Place addresses = json::root(document).at("addresses"); // older records have none
    return addresses.is_null() ? std::vector<std::string>{}
                               : json::Codec<std::vector<std::string>>::read(addresses);
}

} // namespace cpi
