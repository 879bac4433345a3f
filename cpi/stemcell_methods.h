#pragma once

#include "cpi/types.h"
#include "stemcell/stemcells.h"

#include <optional>

namespace cpi {

class Cpi;

/// `extra` is what API version 3 adds: the Director's tags.
StemcellCid create_stemcell(Cpi& cpi, const std::string& image_path, const StemcellProperties& properties,
                            const std::optional<json::VerbatimObject>& extra);
void delete_stemcell(Cpi& cpi, const StemcellCid& cid);

} // namespace cpi
