#include "cpi/wire/networks.h"

#include <set>

namespace cpi {

Networks json::Codec<Networks>::read(const Place& place)
{
    Networks networks;
    std::set<std::string> names;
    for (const auto& [name, at] : place.members()) {
        if (!names.insert(name).second)
            throw Error{ErrorKind::invalid_call, concat(excerpt(at.path()), ": there are two of that name")};
        networks.all.push_back({name, Codec<NetworkFields>::read(at), at.verbatim()});
    }
    return networks;
}

} // namespace cpi
