#pragma once

#include "cpi/vm/network_plan.h"
#include "cpi/wire/arguments.h"
#include "stemcell/stemcells.h"

namespace cpi {

class Cpi;

/// The serial number of a VM's ephemeral disk.
inline constexpr std::string_view ephemeral_serial = "ephemeral";

/// Everything about a VM that is decided before anything is made.
struct VmPlan {
    VmCid cid;
    StemcellCid stemcell_cid;
    Stemcell stemcell;
    VmProperties properties;
    NetworkPlan networks;
    DomainSpec spec; // with its files where they will be; NICs come when they have their addresses
};

/// Throws for what does not fit together.
[[nodiscard]] VmPlan plan_vm(Cpi& cpi, const StemcellCid& stemcell, const VmProperties& properties,
                             const Networks& networks);

} // namespace cpi
