#include "cpi/network/managed_networks.h"

#include "cpi/cpi.h"
#include "cpi/properties/possible.h"
#include "records/record.h"

#include <algorithm>

namespace cpi {

namespace {

/// What is kept with a network that this CPI made. By its uuid it is told from one that merely has its name.
struct NetworkRecord {
    std::string uuid;
    std::string name;
    std::string range;
    std::string gateway;
    json::Verbatim cloud_properties;
};

} // namespace

template <>
inline constexpr std::tuple json::fields<NetworkRecord>{
    json::required("uuid", &NetworkRecord::uuid),
    json::optional("name", &NetworkRecord::name),
    json::optional("range", &NetworkRecord::range),
    json::optional("gateway", &NetworkRecord::gateway),
    json::optional("cloud_properties", &NetworkRecord::cloud_properties),
};

namespace {

NetworkRecord record_of(const ManagedNetwork& network)
{
    return {network.spec.uuid, network.spec.name, network.range.text(), network.gateway.text(),
            network.cloud_properties};
}

/// Nothing: the network's folder is not in its place, so libvirt has nothing of it either.
std::optional<NetworkRecord> load_record(Cpi& cpi, const NetworkCid& cid)
{
    const Path file = cpi.store().layout().of(cid) / file_name::network_record;
    const auto text = cpi.host().read(file);
    if (!text)
        return std::nullopt;
    return read_record<NetworkRecord>(*text, file.native());
}

bool is_in_libvirt(Cpi& cpi, const NetworkRecord& record)
{
    const auto networks = existing_networks(cpi.libvirt());
    return std::ranges::find(networks, record.uuid, &ExistingNetwork::uuid) != networks.end();
}

void sweep(Cpi& cpi)
{
    Store& store = cpi.store();
    store.sweep(store.layout().networks(), NetworkTag::prefix, [&](const std::string& name) {
        if (const auto record = load_record(cpi, NetworkCid{name}))
            cpi.libvirt().remove_network(record->uuid);
    });
}

/// What is in the store of a network that libvirt does not have any more, for a deletion was killed, or
/// somebody else removed it.
void discard_remains(Cpi& cpi, const NetworkCid& cid)
{
    if (const auto lock = cpi.store().lock(cid))
        cpi.host().discard(cpi.store().layout().of(cid));
}

/// libvirt looks there, too, when it starts a network.
std::vector<Cidr> routed_on_host(Cpi& cpi)
{
    return routed_subnets(cpi.host().read("/proc/net/route").value_or(std::string{}));
}

void make(Cpi& cpi, const ManagedNetwork& network)
{
    Store& store = cpi.store();
    Libvirt& libvirt = cpi.libvirt();
    const std::string& name = network.spec.name;
    Creation creation{store, store.layout().networks(), network.cid.str()};
    store.host().publish(creation.staging() / file_name::network_record, record_text(record_of(network)),
                         Access::owner);
    creation.publish();

    creation.undo().add(concat("remove network ", name), [&] { libvirt.remove_network(network.spec.uuid); });
    libvirt.define_network(name, describe(network.spec));
    libvirt.start_network(name);
    libvirt.autostart_network(name);
    creation.finish();
}

} // namespace

CreatedNetwork create_network(Cpi& cpi, const NetworkDefinition& definition)
{
    if (definition.cloud_properties.making.mtu) // its NICs would have it, too
        require_nics_possible(cpi.hypervisor(), {"mtu"});
    // One at a time: each looks at all others for what is free.
    const auto turn = cpi.store().lock_kind(cpi.store().layout().networks());
    sweep(cpi);
    const ManagedNetwork network =
        plan_network(definition, existing_networks(cpi.libvirt()), routed_on_host(cpi));
    discard_remains(cpi, network.cid);
    make(cpi, network);
    return {network.cid, network.range, network.gateway, network.reserved, network.cloud_properties};
}

void delete_network(Cpi& cpi, const NetworkCid& cid)
{
    cpi.store().require();
    const auto lock = cid.is_ours() ? cpi.store().lock(cid) : nullptr;
    if (!lock)
        throw Error{ErrorKind::network_not_found,
                    concat("network '", cid.str(), "' not found among those that this CPI made")};
    const auto record = load_record(cpi, cid);
    if (record && is_in_libvirt(cpi, *record)) {
        const std::vector<std::string> users = network_users(cpi.libvirt(), libvirt_name(cid));
        if (!users.empty())
            throw Error{ErrorKind::cloud, concat("network '", cid.str(), "' is not deleted: in use by VM ",
                                                 join(users, ", "), ". Try: delete the VM first")};
        cpi.libvirt().remove_network(record->uuid);
    }
    cpi.host().discard(cpi.store().layout().of(cid));
}

} // namespace cpi
