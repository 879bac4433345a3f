#pragma once

#include "base/ids.h"
#include "hypervisor/domain_spec.h"
#include "json/json.h"
#include "network/address.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What handlers return, and how each looks in the response.
namespace cpi {

struct Info {
    std::vector<std::string> stemcell_formats;
};

struct CreatedVm {
    VmCid cid;
    json::Verbatim networks;
};

/// The cloud properties of a VM that has at least the asked resources.
struct SizedProperties {
    std::int64_t cpus = 0;
    std::int64_t memory = 0;
    std::int64_t ephemeral_disk = 0;
};

/// What the Director takes over of a managed network's subnet.
struct CreatedNetwork {
    NetworkCid cid;
    Cidr range;
    IpAddress gateway;
    std::optional<IpRange> reserved;
    json::Verbatim cloud_properties;
};

template <class Tag>
void write_result(json::Writer& out, const Id<Tag>& cid)
{
    out.string(cid.str());
}

template <class Tag>
void write_result(json::Writer& out, const std::vector<Id<Tag>>& cids)
{
    out.begin_array();
    for (const auto& cid : cids)
        out.string(cid.str());
    out.end_array();
}

void write_result(json::Writer& out, bool truth);
void write_result(json::Writer& out, std::string_view text);
void write_result(json::Writer& out, const Info& info);
void write_result(json::Writer& out, const CreatedVm& vm);
void write_result(json::Writer& out, const SizedProperties& properties);
void write_result(json::Writer& out, const DiskHint& hint);
void write_result(json::Writer& out, const CreatedNetwork& network);

} // namespace cpi
