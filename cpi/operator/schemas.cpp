#include "cpi/operator/schemas.h"

#include "cpi/config/config.h"
#include "json/schema.h"
#include "properties/nics.h"
#include "properties/vm.h"

#include <algorithm>
#include <array>

namespace cpi {

namespace {

/// Those of any hypervisor, and the own ones of each.
void write_vm_types(json::Writer& out)
{
    out.key("type").string("object").key("properties").begin_object();
    json::write_members<VmCommon>(out);
    for (const Hypervisor* row : hypervisors())
        if (row->own != nullptr)
            row->own->write_schema(out);
    out.end_object();
}

struct Schema {
    std::string_view name;
    std::string_view title;
    void (*write)(json::Writer& out);
};
constexpr std::array schemas{
    Schema{"config", "Configuration of libvirt_cpi", &json::SchemaOf<Config>::write},
    Schema{"vm_types", "Cloud properties of VMs for libvirt_cpi", &write_vm_types},
    Schema{"disk_types", "Cloud properties of disks for libvirt_cpi", &json::SchemaOf<DiskFields>::write},
    Schema{"networks", "Cloud properties of networks for libvirt_cpi",
           &json::SchemaOf<NetworkProperties>::write},
};

} // namespace

std::vector<std::string> schema_names()
{
    std::vector<std::string> names(schemas.size());
    std::ranges::transform(schemas, names.begin(), &Schema::name);
    return names;
}

std::string schema_of(std::string_view name)
{
    const auto* const schema = std::ranges::find(schemas, name, &Schema::name);
    if (schema == schemas.end())
        throw Error{ErrorKind::invalid_call,
                    concat("there is no schema of '", name, "'; there are: ", join(schema_names(), ", "))};
    json::Writer out;
    out.begin_object();
    out.key("$schema").string("https://json-schema.org/draft/2020-12/schema");
    out.key("title").string(schema->title);
    schema->write(out);
    out.end_object();
    return json::pretty(out.text());
}

} // namespace cpi
