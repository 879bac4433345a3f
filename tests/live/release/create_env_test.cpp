// The part of `bosh create-env`: the release is installed into an odd folder, and its bin/cpi is called in
// the CLI's order, with the CLI's contexts, on real QEMU.

#include "base/text.h"
#include "conformance/lab.h"
#include "live/release/installed.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <optional>

namespace cpi::test {

namespace {

const Lab& lab()
{
    static const Lab qemu{SOURCE_DIR "/tests/lab/hypervisors/qemu"};
    return qemu;
}

/// What state.json has between two runs of the CLI.
struct State {
    std::string stemcell;
    std::string vm;
    std::string disk;
};

/// One run of the CLI. Its installation's folder stays; the job goes with it.
class CreateEnv : private Pinned {
public:
    explicit CreateEnv(const Folder& home)
        : home_{home}, installation_{home / ".bosh/installations/it's an \"odd\" $HOME; 100%: ünï"},
          places_{installation_ / "packages", installation_ / "jobs"}
    {
        if (!std::filesystem::exists(compiled()))
            compile();
        std::filesystem::remove_all(places_.packages);
        std::filesystem::create_directories(places_.packages / "libvirt_cpi");
        run({"tar", "--no-same-owner", "-xf", compiled(), "-C", places_.packages / "libvirt_cpi"});
        render_job(installation_ / "release/job", properties(), places_.jobs / "libvirt_cpi");
    }
    ~CreateEnv() { std::filesystem::remove_all(places_.jobs / "libvirt_cpi"); }

    /// Each call comes after an info, as of the first version of the API.
    Reply call(std::string_view method, std::string_view arguments) const
    {
        constexpr std::string_view context = R"("director_uuid":"d-1","vm":{"stemcell":{"api_version":3}})";
        const Reply info{run_cpi(request("info", "[]", context, R"("api_version":1)"))};
        CHECK(info.require_ok().result().at("api_version").integer(2, 3) >= 2);
        return Reply{run_cpi(request(method, arguments, context, R"("api_version":2)"))};
    }
    Reply succeed(std::string_view method, const std::vector<std::string>& texts) const
    {
        Reply reply = call(method, json_list(texts));
        static_cast<void>(reply.require_ok());
        return reply;
    }
    [[nodiscard]] Folder store() const { return home_ / "store"; }

private:
    [[nodiscard]] Folder compiled() const { return installation_ / "blobs/compiled"; }
    [[nodiscard]] std::string properties() const
    {
        return concat(R"({"agent":{"mbus":"https://mbus:p$ss<%=1%>'\"@0.0.0.0:6868"},"store_dir":)",
                      json_string(store().native()), ",", lab().members("config"), "}");
    }
    void compile() const
    {
        unpack_release(release_tarball(), installation_ / "release");
        std::filesystem::create_directories(places_.packages / "libvirt_cpi");
        const Ran ran = compile_package({}, installation_ / "release/package", places_);
        REQUIRE_MESSAGE(ran.status == 0, ran.err);
        std::filesystem::create_directories(compiled().parent_path());
        run({"tar", "-czf", compiled(), "-C", places_.packages / "libvirt_cpi", "."});
    }
    [[nodiscard]] Ran run_cpi(const std::string& text) const
    {
        auto environment = places_.environment();
        environment.emplace("HOME", home_);
        environment.emplace("LD_LIBRARY_PATH", "/nonexistent"); // whatever the user has
        environment.emplace("LANG", "de_DE.UTF-8");
        Ran ran = run_program({places_.jobs / "libvirt_cpi/bin/cpi"}, text, environment);
        CHECK(ran.status == 0); // anything else, and the CLI throws the answer away
        return ran;
    }

    Folder home_;
    Folder installation_;
    Places places_;
};

std::string create_vm_arguments(const State& state, const std::string& agent)
{
    return concat(
        "[", json_string(agent), ",", json_string(state.stemcell),
        R"(,{"cpus":1,"memory":256,"ephemeral_disk":64},{"default":)", lab().ask({"network", "160"}), "},",
        state.disk.empty() ? "[]" : json_list({state.disk}),
        R"(,{"bosh":{"mbus":{"cert":{"ca":"CA","private_key":"it's <%= a %> key"}},"password":"*"}}])");
}

/// Waits until the guest is up, and looks whether it has the settings of this run.
void check_settings(const LabCpi& guests, const State& state, const std::string& agent)
{
    CHECK(guests.report(state.vm).find("REPORT error") == std::string::npos);
    const json::Document settings = json::parse(lab().in_guest(state.vm, "read-settings"), "the settings");
    const json::Place root = json::root(settings);
    CHECK(root.at("agent_id").string() == agent);
    CHECK(root.at("mbus").string() == R"(https://mbus:p$ss<%=1%>'"@0.0.0.0:6868)");
    CHECK(root.at("env").at("bosh").at("mbus").at("cert").at("private_key").string() == "it's <%= a %> key");
}

void deploy_vm(const CreateEnv& cli, const LabCpi& guests, State& state, const std::string& agent)
{
    state.vm =
        cli.call("create_vm", create_vm_arguments(state, agent)).require_ok().result().items().at(0).string();
    const std::string metadata = R"({"director":"bosh-init","deployment":"bosh","job":"bosh","index":"0"})";
    CHECK(cli.call("set_vm_metadata", concat("[", json_string(state.vm), ",", metadata, "]")).ok());
    check_settings(guests, state, agent);
}

/// attach_disk, and what the agent does then.
void attach(const CreateEnv& cli, const State& state, const std::string& disk, const std::string& folder)
{
    const std::string hint = cli.succeed("attach_disk", {state.vm, disk}).result_text();
    CHECK(
        cli.call("set_disk_metadata", concat("[", json_string(disk), R"(,{"director":"bosh-init"}])")).ok());
    static_cast<void>(lab().in_guest(
        state.vm, concat("mkdir -p ", folder, " && mount-disk ", disk, " ", shell_quote(hint), " ", folder)));
}

std::string create_disk(const CreateEnv& cli, const State& state, unsigned size)
{
    return cli.call("create_disk", concat("[", size, ",{},", json_string(state.vm), "]"))
        .require_ok()
        .result()
        .string();
}

void create_env(const Folder& home, const LabCpi& guests, State& state)
{
    const CreateEnv cli{home};
    std::filesystem::create_directory(cli.store());
    std::filesystem::permissions(cli.store(), std::filesystem::perms{0711});
    state.stemcell = cli.call("create_stemcell", stemcell_arguments(lab().ask({"stemcell"})))
                         .require_ok()
                         .result()
                         .string();
    deploy_vm(cli, guests, state, "agent-1");
    state.disk = create_disk(cli, state, 32);
    attach(cli, state, state.disk, "/store");
    static_cast<void>(lab().in_guest(state.vm, "echo precious > /store/data; sync"));
}

/// With another VM and a larger disk.
void create_env_again(const Folder& home, const LabCpi& guests, State& state)
{
    const CreateEnv cli{home};
    CHECK(cli.succeed("has_vm", {state.vm}).result_text() == "true");
    static_cast<void>(lab().in_guest(state.vm, "unmount-disk /store"));
    static_cast<void>(cli.succeed("delete_vm", {state.vm}));
    deploy_vm(cli, guests, state, "agent-2");
    attach(cli, state, state.disk, "/store");
    CHECK(lab().in_guest(state.vm, "cat /store/data") == "precious");

    const std::string larger = create_disk(cli, state, 64);
    attach(cli, state, larger, "/migrated");
    static_cast<void>(lab().in_guest(
        state.vm, "cp -a /store/data /migrated/ && sync && unmount-disk /store && unmount-disk /migrated"));
    static_cast<void>(cli.succeed("detach_disk", {state.vm, state.disk}));
    static_cast<void>(cli.succeed("delete_disk", {state.disk}));
    state.disk = larger;
    const std::string hint = cli.succeed("attach_disk", {state.vm, larger}).result_text();
    CHECK(lab().in_guest(state.vm, concat("mount-disk ", larger, " ", shell_quote(hint),
                                          " /store > /dev/null && cat /store/data")) == "precious");
    CHECK(std::stoi(lab().in_guest(state.vm, "df -m /store | tail -n 1 | awk '{print $2}'")) > 40);
}

void delete_env(const Folder& home, const State& state)
{
    const CreateEnv cli{home};
    CHECK(cli.succeed("has_vm", {state.vm}).result_text() == "true");
    static_cast<void>(cli.succeed("delete_vm", {state.vm}));
    static_cast<void>(cli.succeed("delete_disk", {state.disk}));
    static_cast<void>(cli.succeed("delete_stemcell", {state.stemcell}));
    // A run that was interrupted before it wrote its state asks for all of it once more.
    CHECK(cli.succeed("has_vm", {state.vm}).result_text() == "false");
    for (const auto& [method, cid] : {std::pair{"delete_vm", state.vm}, std::pair{"delete_disk", state.disk},
                                      std::pair{"delete_stemcell", state.stemcell}}) {
        const Reply again = cli.call(method, json_list({cid}));
        CAPTURE(again.message());
        CHECK((again.ok() || again.error_type().ends_with("NotFound")));
    }
}

} // namespace

TEST_CASE("create-env makes a VM with a disk, makes it anew with a larger one, and delete-env leaves nothing")
{
    const TempDir home;
    const LabCpi guests{lab()}; // for what happens inside them
    State state;
    create_env(home.path(), guests, state);
    create_env_again(home.path(), guests, state);
    delete_env(home.path(), state);
    for (const char* kind : {"vms", "disks", "stemcells"})
        CHECK(run({"find", home.path() / "store" / kind, "-mindepth", "1", "!", "-name", "lock"}) == "");
}

} // namespace cpi::test
