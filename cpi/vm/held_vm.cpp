#include "cpi/vm/held_vm.h"

#include "base/error.h"
#include "cpi/owner.h"

namespace cpi {

HeldVm::HeldVm(Cpi& cpi, VmCid cid) : cpi_{cpi}, cid_{std::move(cid)}, lock_{cpi.store().lock(cid_)}
{
    require_own(cpi, cid_);
}

void HeldVm::require() const
{
    if (!cpi_.machines().exists(cid_))
        throw Error{ErrorKind::vm_not_found, concat("VM '", cid_.str(), "' not found")};
}

} // namespace cpi
