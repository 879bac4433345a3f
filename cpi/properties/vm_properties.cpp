#include "cpi/properties/vm_properties.h"

#include "hypervisors/table.h"

namespace cpi {

std::vector<PropertyFacts> vm_property_facts()
{
    std::vector<PropertyFacts> all = facts_of<VmCommon>();
    for (const Hypervisor* row : hypervisors())
        if (row->own != nullptr)
            std::ranges::move(row->own->facts(), std::back_inserter(all));
    return all;
}

VmProperties json::Codec<VmProperties>::read(const Place& place)
{
    std::vector<std::string> keys;
    for (const PropertyFacts& one : vm_property_facts())
        keys.emplace_back(one.key);
    VmProperties properties{read_members<VmCommon>(place, keys), {}};
    for (const Hypervisor* row : hypervisors())
        if (row->own != nullptr)
            properties.own.emplace(row->name, row->own->read(place, keys, properties.given_keys));
    return properties;
}

} // namespace cpi
