#pragma once

#include "hypervisor/lines.h"
#include "network/nic.h"
#include "properties/nics.h"
#include "xml/xml.h"

namespace cpi {

/// What becomes of these on any hypervisor whose networks are libvirt's.
inline constexpr std::array plain_nic_lines{honours(nic_property::network), honours(nic_property::name),
                                            honours(nic_property::bridge), honours(nic_property::mac),
                                            honours(nic_property::dhcp_reservation)};
/// And where libvirt has all of a NIC.
inline constexpr auto nic_lines =
    joined(plain_nic_lines, std::array{honours(nic_property::direct), honours(nic_property::direct_mode),
                                       honours(nic_property::openvswitch), honours(nic_property::portgroup),
                                       honours(nic_property::vlan), honours(nic_property::bandwidth),
                                       honours(nic_property::nwfilter)});

/// Adds an <interface> with nothing but its address and what it is plugged into.
xml::Element add_plain_nic(const xml::Element& devices, const Nic& nic);

/// Adds the NIC's <interface> to a domain's <devices>.
xml::Element add_nic(const xml::Element& devices, const Nic& nic);

} // namespace cpi
