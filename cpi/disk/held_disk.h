#pragma once

#include "base/ids.h"
#include "cpi/wire/arguments.h"
#include "host/host.h"
#include "hypervisor/domain_spec.h"
#include "volumes/image.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace cpi {

class Cpi;

/// What libvirt cannot keep: a disk that is attached to nothing has no definition.
struct DiskRecord {
    std::int64_t size_mib = 0;
    std::string format;
    std::string image;      // its file in the disk's folder
    std::string hypervisor; // that it was made for
    DiskProperties properties;
    json::VerbatimObject metadata;
    std::optional<IdMap> ids = {}; // of the containers that its file system is for
    bool has_other_images = false; // in its folder, which are not, or no longer, the disk's
};

/// A disk is found by its cid in the guest: virtio and scsi serial numbers are cut after 20 characters, and
/// stemcells look by cid only when it has no fewer.
[[nodiscard]] DiskCid new_disk_cid();

/// Makes a disk, whose image `fill` makes where it is told. Nothing of it remains when that fails. `key` is
/// the one to take, for a disk that is to be encrypted.
void make_disk(Cpi& cpi, const DiskCid& cid, const DiskRecord& record,
               const std::function<void(const image::Image&)>& fill,
               const std::optional<Secret>& key = std::nullopt);

/// Whose disks a call works on.
enum class DiskOf { this_hypervisor, any_hypervisor };

/// A disk that exists, and that no other call touches while this lives. Its absence is disk_not_found. It is
/// whole: what a killed call has left of its images is gone.
class HeldDisk {
public:
    HeldDisk(Cpi& cpi, const DiskCid& cid, DiskOf whose = DiskOf::this_hypervisor);

    [[nodiscard]] const DiskCid& cid() const noexcept { return cid_; }
    [[nodiscard]] Path folder() const;
    [[nodiscard]] Path image_file() const { return folder() / record.image; }
    [[nodiscard]] image::Image image() const;
    /// The disk as a VM gets it.
    [[nodiscard]] DiskSpec spec() const;
    /// The VM that has the disk, if any.
    [[nodiscard]] std::optional<VmCid> holder() const;
    void save() const;
    /// Gives the disk another image, which `fill` makes where it is told. Whatever happens, the disk has the
    /// old image whole or, once `next` is its record, the new one.
    void replace_image(DiskRecord next, const std::function<void(const image::Image&)>& fill);

    DiskRecord record;

private:
    /// Removes all images but the disk's, if the record says that there may be others. What cannot be removed
    /// is left to the next call on the disk.
    void remove_other_images();

    Cpi& cpi_;
    DiskCid cid_;
    std::unique_ptr<HeldLock> lock_;
};

namespace json {

template <>
inline constexpr std::tuple fields<DiskRecord>{
    required("size_mib", &DiskRecord::size_mib),
    required("format", &DiskRecord::format),
    required("image", &DiskRecord::image),
    required("hypervisor", &DiskRecord::hypervisor),
    optional("cloud_properties", &DiskRecord::properties),
    optional("metadata", &DiskRecord::metadata),
    optional("idmap", &DiskRecord::ids),
    optional("has_other_images", &DiskRecord::has_other_images),
};

} // namespace json

} // namespace cpi
