#pragma once

#include "host/host.h"
#include "json/codec.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

/// Which ids of the host the ids of a container are: its root is the host's user and group `first`. Without
/// one they are the same.
struct IdMap {
    /// So many ids a system's files may belong to. The host's own must not be a container's.
    static constexpr std::int64_t system_ids = 65536;
    static constexpr std::int64_t last = 4'294'967'294;

    json::Ranged<system_ids, last> first;
    json::Ranged<system_ids, last> count{system_ids};

    [[nodiscard]] bool operator==(const IdMap& other) const
    {
        return first.value == other.first.value && count.value == other.count.value;
    }
};

/// The host's id of a container's root.
[[nodiscard]] inline std::int64_t root_id(const std::optional<IdMap>& ids)
{
    return ids ? ids->first.value : 0;
}

/// For people: "the host's ids from 100000 to 165535".
[[nodiscard]] std::string text_of(const std::optional<IdMap>& ids);

/// As the kernel takes them, "100000 65536"; "host" for the host's own.
[[nodiscard]] std::string range_of(const std::optional<IdMap>& ids);

/// Runs a script of the shell that can call `in_ids RANGE COMMAND…`: as root of a user namespace with these
/// ids. What the command gives to a file, an owner or a capability, is a container's then. `RANGE` is one of
/// `range_of`; with "host" the command runs as it is.
[[nodiscard]] Command script_with_ids(std::string_view script, const std::vector<std::string>& arguments);

/// Fails for ids that do not exist.
void check_members(const IdMap& ids, const json::Place& place);

namespace json {

template <>
inline constexpr std::tuple fields<IdMap>{
    required("first", &IdMap::first, "the host's id of a container's root"),
    optional("count", &IdMap::count, "how many ids a container has; 65536 when left out"),
};
template <>
inline constexpr UnknownKeys unknown_keys<IdMap> = UnknownKeys::refuse;

} // namespace json

} // namespace cpi
