#pragma once

namespace cpi {

class Cpi;

/// A store is one host's: which disk a VM has, and which VM has an address, is asked of that host's libvirt.
/// Refuses a store that has another host's mark. One that has none gets this host's once the call has
/// succeeded.
void require_this_host(Cpi& cpi);

} // namespace cpi
