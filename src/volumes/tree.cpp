#include "volumes/tree.h"

#include "base/error.h"
#include "base/text.h"
#include "volumes/mounts.h"

namespace cpi::tree {

namespace {

constexpr std::string_view root_name = "rootfs";
/// Beside it, of one that is an overlay: what it is laid over, what differs, and the kernel's own room.
constexpr std::string_view base_name = "base";
constexpr std::string_view upper_name = "upper";
constexpr std::string_view work_name = "work";

void mount_overlay(Host& host, const Path& folder)
{
    // Names relative to the folder: no character of a path can be mistaken for a separator of options.
    const std::string options =
        concat("lowerdir=", base_name, ",upperdir=", upper_name, ",workdir=", work_name);
    const Output output = host.run({{"env", concat("--chdir=", folder.native()), "mount", "-t", "overlay",
                                     "overlay", "-o", options, std::string{root_name}}});
    if (output.status != 0)
        throw Error{ErrorKind::cloud,
                    concat("mounting the root file system ", root_of(folder).native(), ": ", trim(output.err),
                           ". Try: run the CPI as root, on a kernel with overlayfs, or set root_filesystem "
                           "to copy")};
}

} // namespace

Path root_of(const Path& folder)
{
    return folder / root_name;
}

void unpack(Host& host, const Path& archive, const Path& folder, const std::optional<IdMap>& ids)
{
    host.make_directory(folder, Access::owner);
    give_to_root(host, folder, ids);
    // tar is given what only the host's root may reach: the folder it is in, and the archive as its input.
    constexpr std::string_view script = R"sh(
        exec <"$1"
        cd "$2"
        in_ids "$3" tar --extract --file=- --use-compress-program='gzip --force --stdout' \
            --numeric-owner --preserve-permissions --same-owner --xattrs --xattrs-include='*' \
            --anchored --exclude='./dev/*' --exclude='dev/*')sh";
    run_ok(host, script_with_ids(script, {archive.native(), folder.native(), range_of(ids)}));
}

void layer(Host& host, const Path& base, const Path& folder, Layering layering,
           const std::optional<IdMap>& ids)
{
    // What is in there could be run by everyone, were it not for this.
    host.make_directory(folder, Access::owner);
    give_to_root(host, folder, ids);
    const Path root = root_of(folder);
    if (layering == Layering::copy) {
        constexpr std::chrono::hours patience{1};
        run_ok(host,
               {{"cp", "--archive", "--reflink=auto", "--", (base / ".").native(), root.native()}, patience});
        return;
    }
    host.point(folder / base_name, base);
    host.make_directory(root);
    host.make_directory(folder / work_name);
    // Its owner and mode become those of the container's top folder.
    run_ok(host, {{"mkdir", "--mode=0755", (folder / upper_name).native()}});
    give_to_root(host, folder / upper_name, ids);
    mount_overlay(host, folder);
}

void give_to_root(Host& host, const Path& file, const std::optional<IdMap>& ids)
{
    if (!ids)
        return;
    const std::int64_t root = root_id(ids);
    run_ok(host, {{"chown", "--no-dereference", concat(root, ":", root), file.native()}});
}

void make_ready(Host& host, const Path& folder)
{
    if (host.info(folder / upper_name) && !mounts::at(host, root_of(folder)))
        mount_overlay(host, folder);
}

Path make_folder_within(Host& host, const Path& root, const Path& path)
{
    Path reached = root;
    for (const auto& name : path) {
        reached /= name;
        host.make_directory(reached);
        const auto found = host.info(reached);
        if (!found || found->kind != FileInfo::Kind::directory)
            throw Error{ErrorKind::cloud, concat("'", reached.native(),
                                                 "' is not a folder of the root file system but leads out of "
                                                 "it: the stemcell cannot be used")};
    }
    return reached;
}

} // namespace cpi::tree
