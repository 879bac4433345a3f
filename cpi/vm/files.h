#pragma once

#include "cpi/vm/plan.h"

namespace cpi {

/// Where a VM's files are made, and the key of its images.
struct VmPlace {
    Path folder;
    Path pool;
    std::optional<Secret> key;
};

/// Makes what the VM boots from, its ephemeral disk and its agent's settings.
void make_files(Cpi& cpi, const VmPlan& plan, const VmPlace& place, const Secret& settings);

} // namespace cpi
