#include "volumes/id_map.h"

namespace cpi {

namespace {

constexpr std::string_view in_ids = R"sh(
    set -e
    in_ids() {
        range=$1
        shift
        if [ "$range" = host ]; then "$@"; return; fi
        # A namespace lives as long as a process is in it, and gets its ids from outside.
        unshare --user --wd=/ tail --pid=$$ --follow /dev/null >/dev/null &
        holder=$!
        trap 'kill $holder' EXIT
        while [ "$(readlink /proc/$holder/ns/user)" = "$(readlink /proc/$$/ns/user)" ]; do sleep 0.01; done
        echo "0 $range" >/proc/$holder/uid_map
        echo "0 $range" >/proc/$holder/gid_map
        nsenter --target $holder --user "$@"
    }
)sh";

} // namespace

std::string text_of(const std::optional<IdMap>& ids)
{
    if (!ids)
        return "the host's own ids";
    return concat("the host's ids from ", ids->first.value, " to ", ids->first.value + ids->count.value - 1);
}

std::string range_of(const std::optional<IdMap>& ids)
{
    return ids ? concat(ids->first.value, " ", ids->count.value) : std::string{"host"};
}

Command script_with_ids(std::string_view script, const std::vector<std::string>& arguments)
{
    constexpr std::chrono::hours patience{1};
    Command command{{"sh", "-c", concat(in_ids, script), "sh"}, patience};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    return command;
}

void check_members(const IdMap& ids, const json::Place& place)
{
    if (ids.first.value + ids.count.value - 1 > IdMap::last)
        place.at("count").fail(
            concat("at most ", IdMap::last - ids.first.value + 1, " ids after that first one"));
}

} // namespace cpi
