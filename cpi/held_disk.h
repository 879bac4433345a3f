#pragma once

#include "base/ids.h"
#include "host/host.h"
#include "json/codec.h"

#include <memory>
#include <optional>
#include <string>

namespace cpi {

class Cpi;

/// What libvirt cannot keep: a disk that is attached to nothing has no definition.
struct DiskRecord {
    std::int64_t size_mib = 0;
    std::string format;
    json::VerbatimObject cloud_properties;
    json::VerbatimObject metadata;
};

[[nodiscard]] std::string text_of(const DiskRecord& record);

/// A disk that exists, and that no other call touches while this lives. Its absence is disk_not_found.
class HeldDisk {
public:
    HeldDisk(Cpi& cpi, const DiskCid& cid);

    [[nodiscard]] const DiskCid& cid() const noexcept { return cid_; }
    [[nodiscard]] Path folder() const;
    [[nodiscard]] Path image() const;
    /// The VM that has the disk, if any.
    [[nodiscard]] std::optional<VmCid> holder() const;
    void save() const;

    DiskRecord record;

private:
    Cpi& cpi_;
    DiskCid cid_;
    std::unique_ptr<HeldLock> lock_;
};

namespace json {

template <>
inline constexpr std::tuple fields<DiskRecord>{
    required("size_mib", &DiskRecord::size_mib),
    required("format", &DiskRecord::format),
    optional("cloud_properties", &DiskRecord::cloud_properties),
    optional("metadata", &DiskRecord::metadata),
};

} // namespace json

} // namespace cpi
