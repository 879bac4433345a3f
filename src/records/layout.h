#pragma once

#include "base/ids.h"
#include "host/host.h"

#include <string>

namespace cpi {

/// An address, and the place within which only one VM can have it: "network 'default'".
struct AddressClaim {
    std::string where;
    std::string address;
};

/// Where everything is under the configuration's `store_dir`. The only place that knows file names.
///
///     host               the machine-id of the host whose store it is
///     stemcells/<cid>/   stemcell.json, image.<format> unless it is elsewhere on the host
///     vms/<cid>/         vm.json, base.<format> (a second name of the stemcell's image), root.qcow2,
///                        ephemeral.raw, settings.iso, console.log, reservations (of addresses, if any),
///                        comes_back (how, while a call has the VM switched off),
///                        autostart (it starts with the host, where libvirt does not keep that)
///                        or of a container: container/rootfs, ephemeral.raw, links <disk's cid> to images
///                        of VMware also: domain.xml (what the VM is and has), metadata.json, power (locked
///                        while it is switched off or on)
///     disks/<cid>/       disk.json, disk.<format> (disk-2.<format> when it was rewritten),
///                        attached_to (the VM that it was last given to)
///     snapshots/<cid>/   snapshot.json, disk.<format>: a copy that needs nothing else;
///                        frozen, while it is made (the VM's guest may be)
///     networks/<cid>/    network.json; networks/lock is held while a network is made
///     addresses/         one file for each address that a VM has to itself, with the VM's cid; lock
///     trees/<name>/      rootfs: of containers, as long as a stemcell's or a VM's link `tree` leads to it;
///                        trees/lock
///     .in-progress/<cid> locked by the call that makes the object; by it is found what a killed call left
///
/// /run/libvirt-cpi/<vm's cid>/ of a container: where its disks are mounted.
///
/// An image in a storage pool is a symbolic link here. Where images are encrypted, a file `secret` names the
/// secret of libvirt that holds their key. Each object's folder has a file `lock`. `.new-<cid>` beside an
/// object's place is where it is built.
class Layout {
public:
    explicit Layout(Path root) : root_{std::move(root)} {}

    [[nodiscard]] const Path& root() const noexcept { return root_; }
    [[nodiscard]] Path host_mark() const { return root_ / "host"; }
    [[nodiscard]] Path in_progress() const { return root_ / ".in-progress"; }
    [[nodiscard]] Path stemcells() const { return root_ / "stemcells"; }
    [[nodiscard]] Path vms() const { return root_ / "vms"; }
    [[nodiscard]] Path disks() const { return root_ / "disks"; }
    [[nodiscard]] Path snapshots() const { return root_ / "snapshots"; }
    [[nodiscard]] Path networks() const { return root_ / "networks"; }
    [[nodiscard]] Path trees() const { return root_ / "trees"; }
    [[nodiscard]] Path addresses() const { return root_ / "addresses"; }

    [[nodiscard]] Path of(const StemcellCid& cid) const { return stemcells() / cid.str(); }
    [[nodiscard]] Path of(const VmCid& cid) const { return vms() / cid.str(); }
    [[nodiscard]] Path of(const DiskCid& cid) const { return disks() / cid.str(); }
    [[nodiscard]] Path of(const SnapshotCid& cid) const { return snapshots() / cid.str(); }
    [[nodiscard]] Path of(const NetworkCid& cid) const { return networks() / cid.str(); }
    [[nodiscard]] Path of(const AddressClaim& claim) const;
    /// The mark of an object in the making.
    template <class Tag>
    [[nodiscard]] Path in_progress(const Id<Tag>& cid) const
    {
        return in_progress() / cid.str();
    }
    /// Where an object is built before it comes to its place.
    [[nodiscard]] static Path staging_of(const Path& place)
    {
        return place.parent_path() / concat(staging_prefix, place.filename().native());
    }
    static constexpr std::string_view staging_prefix = ".new-";
    /// Where the file systems of a container's disks are mounted.
    [[nodiscard]] static Path mounts_of(const VmCid& vm) { return Path{"/run/libvirt-cpi"} / vm.str(); }
    /// The link in a container's folder that leads to a disk's image.
    [[nodiscard]] Path link_of(const VmCid& vm, const DiskCid& disk) const { return of(vm) / disk.str(); }

private:
    Path root_;
};

/// File names within an object's folder.
namespace file_name {

inline constexpr std::string_view lock = "lock";
inline constexpr std::string_view stemcell_record = "stemcell.json";
inline constexpr std::string_view vm_record = "vm.json";
inline constexpr std::string_view secret = "secret";
inline constexpr std::string_view settings = "settings.iso";
inline constexpr std::string_view console_log = "console.log";
inline constexpr std::string_view disk_record = "disk.json";
inline constexpr std::string_view snapshot_record = "snapshot.json";
inline constexpr std::string_view network_record = "network.json";
inline constexpr std::string_view attached_to = "attached_to";
inline constexpr std::string_view frozen = "frozen";
inline constexpr std::string_view reservations = "reservations";
inline constexpr std::string_view tree = "tree";
inline constexpr std::string_view container = "container";
inline constexpr std::string_view domain = "domain.xml";
inline constexpr std::string_view metadata = "metadata.json";
inline constexpr std::string_view power = "power";
inline constexpr std::string_view comes_back = "comes_back";
inline constexpr std::string_view autostart = "autostart";
inline constexpr std::string_view vmware_log = "vmware.log";

[[nodiscard]] inline std::string image(std::string_view format)
{
    return concat("image.", format);
}
[[nodiscard]] inline std::string base(std::string_view format)
{
    return concat("base.", format);
}
[[nodiscard]] inline std::string root(std::string_view format)
{
    return concat("root.", format);
}
[[nodiscard]] inline std::string ephemeral(std::string_view format)
{
    return concat("ephemeral.", format);
}
[[nodiscard]] inline std::string disk(std::string_view format)
{
    return concat("disk.", format);
}
/// Where a disk's next image is made while `image` is the disk's.
[[nodiscard]] inline std::string next_disk(std::string_view image, std::string_view format)
{
    return image.starts_with("disk.") ? concat("disk-2.", format) : disk(format);
}
[[nodiscard]] inline bool is_disk_image(std::string_view name)
{
    return name != disk_record && (name.starts_with("disk.") || name.starts_with("disk-2."));
}

} // namespace file_name

} // namespace cpi
