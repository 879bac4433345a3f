#include "json/codec.h"

#include <algorithm>

namespace cpi::json {

std::vector<std::string> check_keys(const Place& place, const std::vector<std::string>& known,
                                    UnknownKeys unknown)
{
    std::vector<std::string> strangers;
    for (const auto& [key, at] : place.members()) {
        if (std::ranges::find(known, key) != known.end())
            continue;
        if (const auto meant = nearest(key, known))
            throw Error{ErrorKind::invalid_call,
                        concat(excerpt(at.path()), ": no such key; did you mean '", *meant, "'?")};
        if (unknown == UnknownKeys::refuse)
            throw Error{ErrorKind::invalid_call,
                        concat(excerpt(at.path()), ": no such key; the keys here are ", join(known, ", "))};
        strangers.push_back(key);
    }
    return strangers;
}

} // namespace cpi::json
