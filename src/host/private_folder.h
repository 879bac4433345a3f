#pragma once

#include "base/pinned.h"
#include "host/host.h"

namespace cpi {

/// A folder of this process's own on this machine, which nobody else may look into. It goes with its owner.
class PrivateFolder : private Pinned {
public:
    PrivateFolder();
    ~PrivateFolder() { remove(); }

    [[nodiscard]] const Path& path() const noexcept { return path_; }
    /// Before its owner goes.
    void remove() const noexcept;

private:
    Path path_;
};

} // namespace cpi
