#pragma once

#include "base/ids.h"
#include "hypervisor/hypervisor.h"
#include "json/codec.h"
#include "properties/hardware.h"
#include "records/store.h"
#include "volumes/id_map.h"

#include <optional>
#include <string>

namespace cpi {

/// How a stemcell's agent gets its settings. It follows from what the stemcell was made for.
enum class SettingsChannel { config_drive, env_cdrom, warden_file };

/// Of a stemcell's manifest, `cloud_properties`. What is not listed is of no use here.
struct StemcellProperties {
    std::string name;
    std::string version;
    std::string infrastructure;
    Mebibytes disk;         // size of the root disk; 0: not said
    std::string image_path; // of a light stemcell: an image on the hypervisor's host
    std::optional<Firmware> firmware;
};

/// What a VM needs to know of the stemcell that it is made from.
struct Stemcell {
    SettingsChannel settings = SettingsChannel::config_drive;
    Firmware firmware = Firmware::bios;
    std::string format; // of its image; none: it is a root file system, in a folder
    std::int64_t virtual_size = 0;
    std::string hypervisor; // that it was taken in for
    std::string image;      // its path, of a light stemcell only
    std::string name;
    std::string version;
    std::optional<IdMap> ids = {}; // of the containers that a root file system is for
    json::VerbatimObject tags = {};
};

/// Takes in the file that the Director calls `image`, on the CPI's own machine; `tags` are kept with it. A
/// root file system is for containers with these `ids`. Leaves nothing when it fails.
[[nodiscard]] StemcellCid import_stemcell(Store& store, const Hypervisor& hypervisor, const Path& image,
                                          const StemcellProperties& properties,
                                          const json::VerbatimObject& tags, const std::optional<IdMap>& ids);

/// Throws when there is no such stemcell.
[[nodiscard]] Stemcell load_stemcell(Store& store, const StemcellCid& cid);

/// VMs that run on it keep their own name for its image. An absent one is fine.
void remove_stemcell(Store& store, const StemcellCid& cid);

namespace json {

template <>
inline constexpr std::array names<SettingsChannel>{
    NamedValue<SettingsChannel>{"config-drive", SettingsChannel::config_drive},
    NamedValue<SettingsChannel>{"env-cdrom", SettingsChannel::env_cdrom},
    NamedValue<SettingsChannel>{"warden-file", SettingsChannel::warden_file},
};

template <>
inline constexpr std::tuple fields<StemcellProperties>{
    optional("name", &StemcellProperties::name),
    optional("version", &StemcellProperties::version),
    optional("infrastructure", &StemcellProperties::infrastructure),
    optional("disk", &StemcellProperties::disk),
    optional("image_path", &StemcellProperties::image_path),
    optional("firmware", &StemcellProperties::firmware),
};

template <>
inline constexpr std::tuple fields<Stemcell>{
    required("settings", &Stemcell::settings),
    required("firmware", &Stemcell::firmware),
    required("format", &Stemcell::format),
    required("virtual_size", &Stemcell::virtual_size),
    required("hypervisor", &Stemcell::hypervisor),
    optional("image", &Stemcell::image),
    optional("name", &Stemcell::name),
    optional("version", &Stemcell::version),
    optional("idmap", &Stemcell::ids),
    optional("tags", &Stemcell::tags),
};

} // namespace json

} // namespace cpi
