#pragma once

#include "network/nic.h"
#include "xml/xml.h"

namespace cpi {

/// Adds an <interface> with nothing but its address and what it is plugged into.
xml::Element add_plain_nic(const xml::Element& devices, const Nic& nic);

/// Adds the NIC's <interface> to a domain's <devices>.
xml::Element add_nic(const xml::Element& devices, const Nic& nic);

} // namespace cpi
