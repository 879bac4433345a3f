#include "volumes/file_system.h"

#include "base/error.h"
#include "base/text.h"

namespace cpi::file_system {

namespace {

/// e2fsck says by its status what it found: up to here all is well now.
constexpr int repaired = 1;
constexpr int not_there = 127; // says env

/// In a path these programs would take what is behind a '?' for an option.
std::vector<std::string> in_its_folder(std::vector<std::string> program, const Path& image)
{
    program.insert(program.begin(), {"env", concat("--chdir=", image.parent_path().native())});
    program.push_back(image.filename().native());
    return program;
}

void check(Host& host, const Path& image)
{
    constexpr std::chrono::hours patience{1};
    const Output output = host.run({in_its_folder({"e2fsck", "-f", "-p"}, image), patience});
    if (output.status == not_there)
        throw no_such_program("e2fsck");
    if (output.status > repaired)
        throw Error{ErrorKind::cloud,
                    concat("the file system in ", image.native(),
                           " is damaged: e2fsck says: ", trim(concat(output.out, output.err)),
                           ". Try: e2fsck ", shell_quote(image.native()))};
}

} // namespace

void make(Host& host, const Path& image, Mebibytes size, std::int64_t owner)
{
    host.create_blank(image, size.bytes());
    // What is lazy is done by the kernel when the file system is mounted.
    run_ok(host, {{"mkfs.ext4", "-q", "-F", "-E",
                   concat("lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=", owner, ":", owner),
                   image.native()}});
}

void grow(Host& host, const Path& image, Mebibytes size)
{
    check(host, image);
    run_ok(host, {{"truncate", "-s", std::to_string(size.bytes()), image.native()}});
    run_ok(host, {in_its_folder({"resize2fs", "-f"}, image)});
}

void remake(Host& host, const Source& from, const Path& image, Mebibytes size,
            const std::optional<IdMap>& ids)
{
    check(host, from.image);
    make(host, image, size, root_id(ids));
    // In a mount namespace of its own, which ends with it.
    constexpr std::string_view script = R"sh(
        mount -t tmpfs libvirt-cpi /mnt
        mkdir /mnt/from /mnt/to
        mount -t ext4 -o loop,ro "$1" /mnt/from
        mount -t ext4 -o loop "$3" /mnt/to
        {
            cd /mnt/from
            in_ids "$2" tar --create --file=- --numeric-owner --acls --xattrs --xattrs-include='*' --sparse \
                --exclude=./lost+found . || touch /mnt/failed
        } | {
            cd /mnt/to
            in_ids "$4" tar --extract --file=- --numeric-owner --preserve-permissions --same-owner \
                --acls --xattrs --xattrs-include='*'
        }
        umount /mnt/from /mnt/to
        [ ! -e /mnt/failed ])sh";
    Command command =
        script_with_ids(script, {from.image.native(), range_of(from.ids), image.native(), range_of(ids)});
    command.argv.insert(command.argv.begin(), {"unshare", "--mount", "--propagation", "private"});
    run_ok(host, command);
}

} // namespace cpi::file_system
