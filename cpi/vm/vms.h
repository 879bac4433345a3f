#pragma once

#include "cpi/wire/arguments.h"
#include "cpi/wire/results.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cpi {

class Cpi;

/// Returns when the VM is defined and running, with its settings delivered; otherwise nothing of it remains.
/// `disks` exist and will be attached later.
CreatedVm create_vm(Cpi& cpi, const std::string& agent_id, const StemcellCid& stemcell,
                    const VmProperties& properties, const Networks& networks,
                    const std::optional<std::vector<DiskCid>>& disks,
                    const std::optional<json::VerbatimObject>& env);
/// Persistent disks stay, with what is on them.
void delete_vm(Cpi& cpi, const VmCid& vm);
/// Removes what calls that were killed have left of VMs.
void sweep_vms(Cpi& cpi);
bool has_vm(Cpi& cpi, const VmCid& vm);
void reboot_vm(Cpi& cpi, const VmCid& vm);
void set_vm_metadata(Cpi& cpi, const VmCid& vm, const std::map<std::string, TagValue>& metadata);

} // namespace cpi
