#include "base/handle.h"
#include "cpi/vm/agent_settings.h"
#include "src/caught.h"

#include <archive.h>
#include <archive_entry.h>

#include <map>
#include <memory>

namespace cpi::test {

namespace {

constexpr std::string_view networks =
    R"({"private":{"type":"manual","ip":"10.0.0.2","prefix":"32","mac":"52:54:00:00:00:01","dns":["8.8.8.8"],)"
    R"("default":["dns","gateway"],"cloud_properties":{"network":"default"},"later":{"key":1}}})";

AgentSettings usual()
{
    return {.agent_id = "agent-1",
            .vm = VmCid{"vm-a"},
            .networks = {std::string{networks}},
            .ephemeral_disk = DiskHint{"/dev/disk/by-id/virtio-ephemeral", "ephemeral"},
            .env = json::VerbatimObject{R"({"bosh":{"password":"*"}})"}};
}

AgentConfig agent()
{
    return {.mbus = Secret{"nats://10.0.0.6:4222"}, .ntp = {"0.pool", "1.pool"}, .blobstore = {}};
}

json::Document settings_of(const AgentSettings& settings, const AgentConfig& config = agent())
{
    return json::parse(settings_json(settings, config).reveal(), "the settings");
}

using ReaderPtr = std::unique_ptr<archive, FreedBy<archive_read_free>>;

/// The files of an ISO image, by name.
std::map<std::string, std::string> files_of(const Secret& medium)
{
    std::map<std::string, std::string> files;
    const ReaderPtr reader{archive_read_new()};
    REQUIRE(archive_read_support_format_iso9660(reader.get()) == ARCHIVE_OK);
    REQUIRE(archive_read_open_memory(reader.get(), medium.reveal().data(), medium.reveal().size()) ==
            ARCHIVE_OK);
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
        if (archive_entry_filetype(entry) != AE_IFREG)
            continue;
        std::string contents(static_cast<std::size_t>(archive_entry_size(entry)), ' ');
        CHECK(archive_read_data(reader.get(), contents.data(), contents.size()) ==
              static_cast<la_ssize_t>(contents.size()));
        files[archive_entry_pathname(entry)] = contents;
    }
    return files;
}

} // namespace

TEST_CASE("the agent's settings have the types that the agent insists on")
{
    const json::Document document = settings_of(usual());
    const json::Place root = json::root(document);
    CHECK(root.at("agent_id").string() == "agent-1");
    CHECK(root.at("mbus").string() == "nats://10.0.0.6:4222");
    CHECK(root.at("ntp").verbatim().text == R"(["0.pool","1.pool"])");
    CHECK(root.at("vm").verbatim().text == R"({"name":"vm-a"})");
    CHECK(root.at("networks").verbatim().text == networks);
    CHECK(root.at("env").verbatim().text == R"({"bosh":{"password":"*"}})");
}

TEST_CASE("a hint of a disk holds strings only, and there is none of a persistent disk")
{
    const json::Document document = settings_of(usual());
    const json::Place disks = json::root(document).at("disks");
    CHECK(disks.at("ephemeral").verbatim().text ==
          R"({"path":"/dev/disk/by-id/virtio-ephemeral","id":"ephemeral"})");
    CHECK(disks.at("persistent").verbatim().text == "{}");
    CHECK(disks.at("system").is_null());
}

TEST_CASE("without an ephemeral disk there is no hint of one")
{
    AgentSettings settings = usual();
    settings.ephemeral_disk = std::nullopt;
    const json::Document document = settings_of(settings);
    CHECK(json::root(document).at("disks").verbatim().text == R"({"persistent":{}})");
}

TEST_CASE("env reaches the agent as the Director gave it")
{
    for (
        const std::string env :
        {R"({"bosh":{"tags":{"ä😀":"\u0000 \\ \" <&> \u2028"},"mbus":{"cert":{"private_key":"-----BEGIN\nKEY"}},)"
         R"("swap_size":0,"n":[1,2.5,-3,true,null,[]]},"persistent_disk_fs":"xfs","":{}})",
         "{}"}) {
        AgentSettings settings = usual();
        settings.env = json::VerbatimObject{env};
        const json::Document document = settings_of(settings);
        CHECK((json::parse(json::root(document).at("env").verbatim().text, "it") == json::parse(env, "it")));
        check_says(settings_json(settings, agent()).reveal(), {concat("\"env\":", env)});
    }
}

TEST_CASE("an env that is null or left out is an empty object")
{
    AgentSettings settings = usual();
    settings.env = {};
    const json::Document document = settings_of(settings);
    CHECK(json::root(document).at("env").verbatim().text == "{}");
}

TEST_CASE("a blobstore is there when it was configured, and else not at all")
{
    AgentConfig config = agent();
    CHECK(settings_json(usual(), config).reveal().find("blobstore") == std::string::npos);
    config.blobstore = json::VerbatimObject{R"({"provider":"local","options":{"blobstore_path":"/b"}})"};
    const json::Document document = settings_of(usual(), config);
    CHECK(json::root(document).at("blobstore").verbatim().text == config.blobstore->text);
}

TEST_CASE("settings without time servers have an empty list of them")
{
    AgentConfig config = agent();
    config.ntp.clear();
    const json::Document document = settings_of(usual(), config);
    CHECK(json::root(document).at("ntp").verbatim().text == "[]");
}

TEST_CASE("what an agent's id or bus holds cannot break the settings")
{
    AgentSettings settings = usual();
    settings.agent_id = "a\"},\"x\":\"\n\xff";
    const json::Document document = settings_of(settings);
    CHECK(json::root(document).at("agent_id").string() == "a\"},\"x\":\"\n\xef\xbf\xbd");
}

TEST_CASE("a stemcell made for OpenStack finds its settings on a config drive")
{
    const Secret settings = settings_json(usual(), agent());
    const Secret medium = settings_medium(SettingsChannel::config_drive, settings, VmCid{"vm-a"});
    const auto files = files_of(medium);
    CHECK(files.size() == 2);
    CHECK(files.at("ec2/latest/user-data") == settings.reveal());
    CHECK(files.at("ec2/latest/meta-data.json") == R"({"instance-id":"vm-a"})");
    CHECK(medium.reveal().substr(16 * 2048 + 40, 9) == "config-2 ");
}

TEST_CASE("a stemcell made for vSphere finds its settings on a CD-ROM")
{
    const Secret settings = settings_json(usual(), agent());
    const Secret medium = settings_medium(SettingsChannel::env_cdrom, settings, VmCid{"vm-a"});
    const auto files = files_of(medium);
    CHECK(files.size() == 1);
    CHECK(files.at("env") == settings.reveal());
    CHECK(medium.reveal().substr(16 * 2048 + 40, 4) == "ENV ");
}

TEST_CASE("large settings arrive whole")
{
    AgentSettings settings = usual();
    settings.env = json::VerbatimObject{concat(R"({"x":")", std::string(3'000'000, 'y'), "\"}")};
    const Secret text = settings_json(settings, agent());
    const auto files = files_of(settings_medium(SettingsChannel::config_drive, text, settings.vm));
    CHECK((files.at("ec2/latest/user-data") == text.reveal()));
}

} // namespace cpi::test
