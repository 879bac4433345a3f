#pragma once

#include "cpi/wire/arguments.h"
#include "stemcell/stemcells.h"

#include <optional>

namespace cpi {

class Cpi;

/// `extras` come with API version 3 only.
StemcellCid create_stemcell(Cpi& cpi, const std::string& image_path, const StemcellProperties& properties,
                            const std::optional<StemcellExtras>& extras);
void delete_stemcell(Cpi& cpi, const StemcellCid& cid);

} // namespace cpi
