#pragma once

#include "base/ids.h"
#include "cpi/config/config.h"
#include "cpi/wire/arguments.h"
#include "cpi/wire/results.h"
#include "stemcell/stemcells.h"
#include "volumes/iso.h"

#include <optional>
#include <string>
#include <vector>

namespace cpi {

struct AgentSettings {
    std::string agent_id;
    VmCid vm;
    json::Verbatim networks; // as create_vm returns them
    std::optional<DiskHint> ephemeral_disk;
    json::VerbatimObject env;
};

/// The settings that a VM's agent reads when it boots. They hold secrets. Pure.
[[nodiscard]] Secret settings_json(const AgentSettings& settings, const AgentConfig& agent);

/// The CD-ROM on which an agent finds them: its image. Pure.
[[nodiscard]] Secret settings_medium(SettingsChannel channel, const Secret& settings, const VmCid& vm);

} // namespace cpi
