#include "cpi/stemcell/stemcell_methods.h"

#include "cpi/owner.h"
#include "cpi/vm/addresses.h"
#include "cpi/vm/vms.h"

namespace cpi {

StemcellCid create_stemcell(Cpi& cpi, const std::string& image_path, const StemcellProperties& properties,
                            const std::optional<StemcellExtras>& extras)
{
    const json::VerbatimObject tags = tags_object(extras.value_or(StemcellExtras{}).tags);
    cpi.require_store_for_vms();
    return import_stemcell(cpi.store(), cpi.hypervisor(), image_path, properties, tags, cpi.config().idmap);
}

void delete_stemcell(Cpi& cpi, const StemcellCid& cid)
{
    // The last call of bosh delete-env; after it nobody may come any more.
    sweep_vms(cpi);
    sweep_addresses(cpi.store(), address_holders(cpi));
    require_own(cpi, cid);
    remove_stemcell(cpi.store(), cid);
}

} // namespace cpi
