#pragma once

#include "host/host.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What is mounted where.
namespace cpi::mounts {

struct Mount {
    std::string device; // "7:3"
    std::string place;
    std::string source; // "/dev/loop3"
};

/// Of /proc/<pid>/mountinfo.
[[nodiscard]] std::vector<Mount> listed_in(std::string_view mountinfo);
/// As the process sees them; none when there is no such process.
[[nodiscard]] std::vector<Mount> seen_by(Host& host, const std::string& pid);
[[nodiscard]] std::optional<Mount> find(const std::vector<Mount>& mounts, const Path& place);

/// On the host.
[[nodiscard]] std::optional<Mount> at(Host& host, const Path& place);
/// Unmounts what is mounted on the host at `place`, and below it. Nothing mounted there is fine.
void release(Host& host, const Path& place);

} // namespace cpi::mounts
