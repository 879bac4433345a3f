#pragma once

#include "cpi/wire/arguments.h"
#include "cpi/wire/results.h"

namespace cpi {

class Cpi;

/// Asked before each other call: touches neither libvirt nor the host.
Info info(Cpi& cpi);
std::string_view ping(Cpi& cpi);
SizedProperties calculate_vm_cloud_properties(Cpi& cpi, const VmResources& resources);

} // namespace cpi
