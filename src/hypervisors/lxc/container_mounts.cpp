#include "lxc/container_mounts.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "records/layout.h"
#include "volumes/mounts.h"

namespace cpi::container_mounts {

namespace {

Path folder_of(const VmCid& vm)
{
    return Layout::mounts_of(vm);
}

Path disks_of(const VmCid& vm)
{
    return folder_of(vm) / "disks";
}

Path place_of(const VmCid& vm, const DiskCid& disk)
{
    return places_of(vm) / disk.str();
}

void make_folders(Host& host, const std::vector<Path>& folders)
{
    Command command{{"mkdir", "--parents", "--mode=755"}};
    for (const Path& folder : folders)
        command.argv.push_back(folder.native());
    run_ok(host, command);
}

void mount(Host& host, const Path& image, const Path& place)
{
    run_ok(host, {{"mount", "-t", "ext4", "-o", "loop", image.native(), place.native()}});
}

/// The processes, one a line, that see the block device with these numbers mounted somewhere.
std::string users_of(Host& host, const std::string& device)
{
    const Output found =
        host.run({{"find", "/proc", "-mindepth", "2", "-maxdepth", "2", "-name", "mountinfo", "-exec", "grep",
                   "--files-with-matches", "--no-messages", concat(" ", device, " "), "{}", "+"}});
    return trim(found.out); // its status also tells of processes that ended meanwhile
}

} // namespace

Path places_of(const VmCid& vm)
{
    return folder_of(vm) / "places";
}

Path ephemeral_of(const VmCid& vm)
{
    return folder_of(vm) / "ephemeral";
}

Path disk_of(const VmCid& vm, const DiskCid& disk)
{
    return disks_of(vm) / disk.str();
}

void make(Host& host, const VmCid& vm, const std::optional<IdMap>& ids)
{
    const Path folder = folder_of(vm);
    if (!mounts::at(host, folder)) {
        host.make_directory(folder.parent_path());
        host.make_directory(folder);
        // Nobody but the container passes through. Shared: what is unmounted here must not stay mounted for
        // the processes that watch over other containers, which see the host's mounts.
        const std::string options = concat("mode=700,uid=", root_id(ids), ",gid=", root_id(ids), ",size=1m");
        run_ok(host,
               {{"mount", "-t", "tmpfs", "--make-shared", "-o", options, "libvirt-cpi", folder.native()}});
    }
    make_folders(host, {places_of(vm), ephemeral_of(vm), disks_of(vm)});
}

void mount_ephemeral(Host& host, const VmCid& vm, const Path& image)
{
    if (!mounts::at(host, ephemeral_of(vm)))
        mount(host, image, ephemeral_of(vm));
}

void mount_disk(Host& host, const VmCid& vm, const DiskCid& disk, const Path& image)
{
    const Path folder = disk_of(vm, disk);
    make_folders(host, {place_of(vm, disk), folder});
    if (mounts::at(host, folder))
        return;
    require_unused(host, disk, image);
    mount(host, image, folder);
}

void unmount_disk(Host& host, const VmCid& vm, const DiskCid& disk)
{
    const Path folder = disk_of(vm, disk);
    if (const auto mount = mounts::at(host, folder)) {
        mounts::release(host, folder);
        constexpr std::chrono::seconds patience{30};
        std::string users;
        if (!wait_until(Deadline{patience}, [&] {
                users = users_of(host, mount->device);
                return users.empty();
            }))
            throw Error{ErrorKind::cloud, concat("it is still mounted after ", patience.count(),
                                                 " s, as these show: ", join(split(users, '\n'), ", "))};
    }
    // A disk would be removed by anything that removes more than empty folders.
    static_cast<void>(host.run({{"rmdir", folder.native(), place_of(vm, disk).native()}}));
}

void release(Host& host, const VmCid& vm)
{
    const Path folder = folder_of(vm);
    mounts::release(host, folder);
    if (host.info(folder))
        run_ok(host, {{"rmdir", folder.native()}});
}

void require_unused(Host& host, const DiskCid& disk, const Path& image)
{
    const std::string loops =
        run_ok(host, {{"losetup", "--noheadings", "--output", "MAJ:MIN", "--associated", image.native()}});
    for (const auto& loop : split(loops, '\n'))
        if (const std::string device = trim(loop); !device.empty())
            if (const std::string users = users_of(host, device); !users.empty())
                throw Error{ErrorKind::cloud,
                            concat("disk ", disk.str(),
                                   " is still mounted, as these show: ", join(split(users, '\n'), ", "),
                                   ". Try: end what uses it, then try again")};
}

} // namespace cpi::container_mounts
