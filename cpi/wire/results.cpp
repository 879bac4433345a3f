#include "cpi/wire/results.h"

namespace cpi {

void write_result(json::Writer& out, bool truth)
{
    out.boolean(truth);
}

void write_result(json::Writer& out, std::string_view text)
{
    out.string(text);
}

void write_result(json::Writer& out, const Info& info)
{
    constexpr int api_version = 3;
    out.begin_object();
    out.key("stemcell_formats").begin_array();
    for (const auto& format : info.stemcell_formats)
        out.string(format);
    out.end_array();
    out.key("api_version").integer(api_version);
    out.end_object();
}

void write_result(json::Writer& out, const CreatedVm& vm)
{
    out.begin_array().string(vm.cid.str()).verbatim(vm.networks).end_array();
}

void write_result(json::Writer& out, const SizedProperties& properties)
{
    out.begin_object();
    out.key("cpus").integer(properties.cpus);
    out.key("memory").integer(properties.memory);
    out.key("ephemeral_disk").integer(properties.ephemeral_disk);
    out.end_object();
}

void write_result(json::Writer& out, const DiskHint& hint)
{
    out.begin_object();
    for (const auto& [key, value] :
         {std::pair{"path", &hint.path}, {"id", &hint.id}, {"volume_id", &hint.volume_id}})
        if (!value->empty())
            out.key(key).string(*value);
    out.end_object();
}

void write_result(json::Writer& out, const CreatedNetwork& network)
{
    out.begin_array().string(network.cid.str()).begin_object();
    out.key("range").string(network.range.text());
    out.key("gateway").string(network.gateway.text());
    out.key("reserved").begin_array();
    if (network.reserved)
        out.string(concat(network.reserved->first.text(), " - ", network.reserved->last.text()));
    out.end_array().end_object().verbatim(network.cloud_properties).end_array();
}

} // namespace cpi
