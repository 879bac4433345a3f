#pragma once

#include "base/ids.h"

#include <string>

namespace cpi {

class Cpi;

/// Makes a detached disk, of whichever hypervisor, one of the configured hypervisor: an image of that format,
/// with what its guests expect in it. The disk is the old one, whole, until it is the new one.
void convert_disk(Cpi& cpi, const DiskCid& cid, const std::string& format);

} // namespace cpi
