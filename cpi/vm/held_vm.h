#pragma once

#include "base/ids.h"
#include "host/host.h"

#include <memory>

namespace cpi {

class Cpi;

/// A VM that no other call changes while this lives. It may be gone, or half there.
class HeldVm {
public:
    HeldVm(Cpi& cpi, VmCid cid);

    [[nodiscard]] const VmCid& cid() const noexcept { return cid_; }
    [[nodiscard]] bool has_files() const noexcept { return lock_ != nullptr; }
    /// Throws unless the hypervisor knows it.
    void require() const;

private:
    Cpi& cpi_;
    VmCid cid_;
    std::unique_ptr<HeldLock> lock_;
};

} // namespace cpi
