#include "cpi/vm/agent_settings.h"

#include "base/error.h"

namespace cpi {

Secret settings_json(const AgentSettings& settings, const AgentConfig& agent)
{
    json::Writer out;
    out.begin_object();
    out.key("agent_id").string(settings.agent_id);
    out.key("vm").begin_object().key("name").string(settings.vm.str()).end_object();
    out.key("mbus").string(agent.mbus.reveal());
    out.key("ntp").begin_array();
    for (const auto& server : agent.ntp)
        out.string(server);
    out.end_array();
    if (agent.blobstore)
        out.key("blobstore").verbatim(*agent.blobstore);
    out.key("networks").verbatim(settings.networks);
    // Persistent disks are never named here: the agent learns of them from the Director, with their hints.
    out.key("disks").begin_object();
    if (settings.ephemeral_disk) {
        out.key("ephemeral");
        write_result(out, *settings.ephemeral_disk);
    }
    out.key("persistent").begin_object().end_object();
    out.end_object();
    out.key("env").verbatim(settings.env);
    out.end_object();
    return Secret{out.text()};
}

Secret settings_medium(SettingsChannel channel, const Secret& settings, const VmCid& vm)
{
    if (channel == SettingsChannel::env_cdrom)
        return Secret{iso_image("ENV", {{"env", settings.reveal()}})};
    // The agent takes its user's SSH keys from here; there are none, but the file must be JSON.
    json::Writer meta_data;
    meta_data.begin_object().key("instance-id").string(vm.str()).end_object();
    return Secret{iso_image("config-2", {{"ec2/latest/meta-data.json", meta_data.text()},
                                         {"ec2/latest/user-data", settings.reveal()}})};
}

} // namespace cpi
