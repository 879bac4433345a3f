#include "live/remote/server.h"

#include "base/clock.h"
#include "base/text.h"
#include "conformance/lab.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <csignal>

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

namespace {

void set_link(const std::string& state)
{
    std::string far = trim(read_file(server_folder() / "link"));
    far.back() = 'f';
    const Ran ran = run_program({SOURCE_DIR "/tests/lab/remote", "1", "run", "ip", "link", "set", far, state},
                                {}, lab_environment());
    REQUIRE(ran.status == 0);
}

} // namespace

SilentServer::SilentServer()
{
    const std::string server = trim(read_file(server_folder() / "pid"));
    sessions_ = split(trim(run_program({"pgrep", "-P", server}).out), '\n');
    for (const auto& session : sessions_)
        REQUIRE(::kill(std::stoi(session), SIGSTOP) == 0);
}

SilentServer::~SilentServer()
{
    for (const auto& session : sessions_)
        ::kill(std::stoi(session), SIGCONT);
}

LostHost::LostHost()
{
    set_link("down");
}

LostHost::~LostHost()
{
    set_link("up");
    // The kernel finds the way again after a moment.
    CHECK(wait_until(Deadline{std::chrono::seconds{20}}, [] {
        return run_program({"ping", "-q", "-c", "1", "-W", "1", server_address().host}).status == 0;
    }));
}

} // namespace cpi::test
