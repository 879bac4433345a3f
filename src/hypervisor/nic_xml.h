#pragma once

#include "network/nic.h"
#include "xml/xml.h"

namespace cpi {

/// Adds the NIC's <interface> to a domain's <devices>.
xml::Element add_nic(const xml::Element& devices, const Nic& nic);

} // namespace cpi
