#include "volumes/mounts.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

#include <algorithm>

namespace cpi::mounts {

namespace {

/// A path as the kernel writes it.
std::string escaped(const Path& path)
{
    std::string text;
    for (const char c : path.native())
        switch (c) {
        case ' ': text += "\\040"; break;
        case '\t': text += "\\011"; break;
        case '\n': text += "\\012"; break;
        case '\\': text += "\\134"; break;
        default: text += c;
        }
    return text;
}

} // namespace

std::vector<Mount> listed_in(std::string_view mountinfo)
{
    constexpr std::size_t device = 2;
    constexpr std::size_t place = 4;
    constexpr std::ptrdiff_t source = 2; // after a field that is "-"
    std::vector<Mount> mounts;
    for (const auto& line : split(mountinfo, '\n')) {
        const auto fields = split(line, ' ');
        const auto dash = std::ranges::find(fields, "-");
        if (dash - fields.begin() > static_cast<std::ptrdiff_t>(place) && fields.end() - dash > source)
            mounts.push_back({fields[device], fields[place], *(dash + source)});
    }
    return mounts;
}

std::vector<Mount> seen_by(Host& host, const std::string& pid)
{
    return listed_in(host.read(Path{"/proc"} / pid / "mountinfo").value_or(""));
}

std::optional<Mount> find(const std::vector<Mount>& mounts, const Path& place)
{
    const auto found = std::ranges::find(mounts, escaped(place), &Mount::place);
    return found == mounts.end() ? std::nullopt : std::optional{*found};
}

std::optional<Mount> at(Host& host, const Path& place)
{
    return find(seen_by(host, "self"), place);
}

void release(Host& host, const Path& place)
{
    constexpr std::chrono::seconds patience{20};
    Output output;
    const bool gone = wait_until(Deadline{patience}, [&] {
        if (!at(host, place))
            return true;
        output = host.run({{"umount", "--recursive", place.native()}});
        return output.status == 0 && !at(host, place);
    });
    if (!gone)
        throw Error{ErrorKind::cloud, concat("unmounting ", place.native(), ": ", trim(output.err),
                                             ". Try: fuser -vm ", shell_quote(place.native()))};
}

} // namespace cpi::mounts
