#pragma once

#include "cpi/network/managed_plan.h"
#include "cpi/wire/results.h"

namespace cpi {

class Cpi;

/// For networks that a deployment manifest marks as `managed`.
CreatedNetwork create_network(Cpi& cpi, const NetworkDefinition& definition);
void delete_network(Cpi& cpi, const NetworkCid& cid);

} // namespace cpi
