#include "host/host.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace cpi {

namespace {

/// Where the programs that the CPI runs come from.
struct Origin {
    std::string_view program;
    std::string_view advice;
};
constexpr std::array origins{
    Origin{"qemu-img", "install qemu-utils (Debian, Ubuntu) or qemu-img (Fedora, RHEL)"},
    Origin{"mkfs.ext4", "install e2fsprogs"},
    Origin{"e2fsck", "install e2fsprogs"},
    Origin{"resize2fs", "install e2fsprogs"},
    Origin{"mount", "install mount (Debian, Ubuntu) or util-linux"},
    Origin{"umount", "install mount (Debian, Ubuntu) or util-linux"},
    Origin{"losetup", "install mount (Debian, Ubuntu) or util-linux"},
    Origin{"fsfreeze", "install util-linux"},
    Origin{"sfdisk", "install fdisk (Debian, Ubuntu) or util-linux"},
    Origin{"VBoxManage", "install VirtualBox"},
    Origin{"vmrun", "install VMware Workstation, Player or Fusion, or put its vmrun into PATH,"},
};

std::string_view advice_for(const std::string& program)
{
    const auto row = std::ranges::find(origins, program, &Origin::program);
    return row == origins.end() ? "install it" : row->advice;
}

} // namespace

std::optional<std::string> Host::read(const Path& file)
{
    constexpr std::size_t most = std::size_t{64} << 20U;
    auto bytes = read_start(file, most + 1);
    if (bytes && bytes->size() > most)
        throw Error{ErrorKind::cloud, concat(file.native(), " is too large to be read as a whole")};
    return bytes;
}

void Host::create_blank(const Path& file, std::uint64_t bytes)
{
    const auto blank = create(file, Access::owner);
    blank->skip(bytes);
    blank->finish();
}

Path Host::bring(const Path& own, const Path& /*place*/)
{
    return own;
}

std::vector<std::string> Host::links(const Path& directory)
{
    std::vector<std::string> names = list(directory);
    std::erase_if(names, [&](const std::string& name) { return !target_of(directory / name); });
    return names;
}

Error locked_by_other(const Path& file)
{
    return Error{ErrorKind::cloud, concat("waited in vain for ", file.native(),
                                          ": another call holds it. Try: fuser -v ", file.native())};
}

Error no_such_program(const std::string& program)
{
    return Error{ErrorKind::cloud, concat("cannot run '", program, "': no such program in PATH. Try: ",
                                          advice_for(program), " on the hypervisor's host")};
}

std::string run_ok(Host& host, const Command& command)
{
    Output output = host.run(command);
    if (output.status == 0)
        return std::move(output.out);
    const std::string doing = concat("'", join(command.argv, " "), "' ");
    const std::string words = trim(output.err.empty() ? output.out : output.err);
    if (const char* signal = ::sigdescr_np(output.status - ended_by_signal); signal != nullptr)
        throw programs_error(concat(doing, "was ended by a signal"),
                             concat(signal, words.empty() ? "" : ": ", words));
    throw programs_error(concat(doing, "failed with status ", output.status), words);
}

} // namespace cpi
