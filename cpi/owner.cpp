#include "cpi/owner.h"

#include "base/error.h"
#include "records/record.h"

namespace cpi {

namespace {

/// What all records have.
struct OwnedRecord {
    std::string hypervisor;
};

struct VmRecord {
    std::string hypervisor;
    std::vector<std::string> addresses; // their files; older records have none
};

} // namespace

template <>
inline constexpr std::tuple json::fields<OwnedRecord>{json::required("hypervisor", &OwnedRecord::hypervisor)};
template <>
inline constexpr std::tuple json::fields<VmRecord>{json::required("hypervisor", &VmRecord::hypervisor),
                                                   json::optional("addresses", &VmRecord::addresses)};

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
    require_own(cpi, cid, read_record<OwnedRecord>(*record, concat("the record of '", cid, "'")).hypervisor);
}

void write_vm_record(Cpi& cpi, const Path& folder, const std::vector<AddressClaim>& addresses)
{
    VmRecord record{std::string{cpi.hypervisor().name}, {}};
    for (const AddressClaim& claim : addresses)
        record.addresses.push_back(cpi.store().layout().of(claim).filename().native());
    cpi.host().publish(folder / file_name::vm_record, record_text(record), Access::owner);
}

std::vector<std::string> addresses_in(const std::string& vm_record)
{
    return read_record<VmRecord>(vm_record, "the record of a VM").addresses;
}

} // namespace cpi
