#pragma once

namespace cpi {

class Cpi;

/// A store is one host's: which disk a VM has, and which VM has an address, is asked of that host's libvirt.
/// Marks a store that has no mark as this host's, and refuses one that has another's.
void require_this_host(Cpi& cpi);

} // namespace cpi
