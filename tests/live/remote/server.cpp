#include "live/remote/server.h"

#include "conformance/lab.h"
#include "support/temp_dir.h"

namespace cpi::test {

namespace {

std::string setting(const std::string& key)
{
    static const json::Document config = json::parse(Lab{}.ask({"config"}), "the lab's configuration");
    return json::root(config).at(key).string();
}

} // namespace

std::filesystem::path server_folder()
{
    return std::filesystem::path{setting("private_key")}.parent_path();
}

SshAddress server_address()
{
    return {.host = setting("host"),
            .user = setting("username"),
            .private_key = Secret{read_file(setting("private_key"))},
            .known_hosts = setting("host_key")};
}

} // namespace cpi::test
