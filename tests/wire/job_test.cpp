// The job of the BOSH release: what its templates make of properties.

#include "base/text.h"
#include "src/caught.h"
#include "support/release.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <set>

namespace cpi::test {

namespace {

constexpr std::string_view pem =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n-----END OPENSSH PRIVATE KEY-----\n";

/// What create-env has in cloud_provider.properties.
std::string with_agent(std::string_view members = {})
{
    return concat(R"({"agent":{"mbus":"https://mbus:secret@0.0.0.0:6868"})", members.empty() ? "" : ",",
                  members, "}");
}

std::set<std::string> keys_of(const json::Place& object)
{
    std::set<std::string> keys;
    for (const auto& [key, value] : object.members())
        keys.insert(key);
    return keys;
}

/// Properties that are what a key of the configuration has inside.
std::string key_of(const std::string& property)
{
    return property == "ntp" || property.starts_with("blobstore.") ? "agent"
                                                                   : property.substr(0, property.find('.'));
}

} // namespace

TEST_CASE("each key of the configuration is a property of the job, with a description")
{
    const json::Document spec = yaml(read_file(SOURCE_DIR "/jobs/libvirt_cpi/spec"));
    std::set<std::string> keys;
    for (const auto& each : json::root(spec).at("properties").members()) {
        const auto& property = each.first;
        CAPTURE(property);
        CHECK(each.second.at("description").string().size() > 5);
        keys.insert(key_of(property));
    }
    const json::Document schema =
        json::parse(run_program({LIBVIRT_CPI_EXECUTABLE, "config", "schema"}).out, "the schema");
    CHECK(keys == keys_of(json::root(schema).at("properties")));
}

TEST_CASE("the examples of the job's properties are valid")
{
    const json::Document spec = yaml(read_file(SOURCE_DIR "/jobs/libvirt_cpi/spec"));
    const json::Place properties = json::root(spec).at("properties");
    const json::Document config = accepted_config(with_agent(
        concat(R"("hypervisor":"lxc","idmap":)", properties.at("idmap").at("example").verbatim().text,
               R"(,"network_aliases":)", properties.at("network_aliases").at("example").verbatim().text)));
    CHECK(json::root(config).at("idmap").at("first").integer(0, 1 << 30) == 100000);
}

TEST_CASE("the message bus alone is enough, and the rest has its default")
{
    const json::Document config = accepted_config(with_agent());
    CHECK(
        json::root(config).verbatim().text ==
        R"({"hypervisor":"qemu","store_dir":"/var/vcap/store/libvirt","storage_controller":"virtio",)"
        R"("strict_controller":false,"auto_enable_networks":false,"autostart":true,"acceleration":"auto","bin_path":"virsh",)"
        R"("port":22,"trust_any_host_key":false,"ssh_patience":30,"allow_insecure_tcp":false,)"
        R"("agent":{"mbus":"https://mbus:secret@0.0.0.0:6868","ntp":[]}})");
}

TEST_CASE("all that is set is in the configuration as it was given")
{
    const std::string remote = concat(
        R"("hypervisor":"qemu","uri":"qemu+tls://h.example/system","store_dir":"/srv/a b","storage_controller":"SATA",)"
        R"("strict_controller":true,"auto_enable_networks":true,"network_aliases":{"lan":{"bridge":"br0"}},)"
        R"("acceleration":"kvm","bin_path":"/opt/virsh","host":"h.example","port":2222,"username":"bosh","private_key":)",
        json_string(pem),
        R"(,"passphrase":"p","host_key":"ssh-ed25519 AAAA","known_hosts":"/k","trust_any_host_key":true,"ssh_patience":60,"allow_insecure_tcp":true,)",
        R"("tls":{"ca":"a","certificate":"b","private_key":)", json_string(pem), "}");
    const std::string properties = concat(
        R"({"agent":{"mbus":"nats://10.0.0.6:4222"},"ntp":["a","b"],"blobstore":{"provider":"local","path":"/p"},)",
        remote, "}");
    const json::Document config = accepted_config(properties);
    const json::Document given = json::parse(concat("{", remote, "}"), "what was given");
    for (const auto& each : json::root(given).members()) {
        const auto& key = each.first;
        CAPTURE(key);
        CHECK(json::root(config).at(key).verbatim().text == each.second.verbatim().text);
    }
    CHECK(
        json::root(config).at("agent").verbatim().text ==
        R"({"mbus":"nats://10.0.0.6:4222","ntp":["a","b"],"blobstore":{"provider":"local","options":{"blobstore_path":"/p"}}})");
    const json::Document containers =
        accepted_config(with_agent(R"("hypervisor":"lxc","idmap":{"first":200000,"count":65536})"));
    CHECK(json::root(containers).at("idmap").verbatim().text == R"({"first":200000,"count":65536})");
}

TEST_CASE("a Director's blobstore is not the agents' business")
{
    const json::Document config =
        accepted_config(with_agent(R"("blobstore":{"provider":"dav","address":"10.0.0.6"})"));
    CHECK(json::root(config).at("agent").at("blobstore").is_null());
}

TEST_CASE("passwords and keys may have any signs")
{
    for (const std::string_view odd : {R"(it's "quoted")", "$HOME `id` $(id) ${x}", "<%= raise %> %> <%",
                                       R"(back\slash \n \u0041)", "ünïcode 密码 \xF0\x9F\x94\x91",
                                       "#{raise} #@x", "%w[a] %{b}", "line\nline\ttab", "</script>&amp;"}) {
        CAPTURE(odd);
        const json::Document config = accepted_config(
            concat(R"({"agent":{"mbus":)", json_string(concat("nats://u:", odd, "@10.0.0.6:4222")),
                   R"(},"host":"h","username":)", json_string(odd), R"(,"private_key":)", json_string(pem),
                   R"(,"passphrase":)", json_string(odd), "}"));
        CHECK(json::root(config).at("agent").at("mbus").string() ==
              concat("nats://u:", odd, "@10.0.0.6:4222"));
        CHECK(json::root(config).at("username").string() == odd);
        CHECK(json::root(config).at("passphrase").string() == odd);
        CHECK(json::root(config).at("private_key").string() == pem);
    }
}

TEST_CASE("what is missing is named")
{
    const auto error = [](std::string_view properties) {
        const Ran ran = try_render("cpi.json.erb", properties);
        CHECK(ran.status != 0);
        return ran.err;
    };
    check_says(error("{}"), {"Can't find property", "agent.mbus"});
    check_says(error(with_agent(R"("host":"h")")), {"username: required, since host is set"});
    check_says(error(with_agent(R"("host":"h","username":"")")), {"username: required"});
    check_says(error(with_agent(R"("host":"h","username":"u")")),
               {"private_key: required, since host is set"});
    check_says(error(with_agent(R"("tls":{"ca":"a","certificate":"b"})")), {"tls.private_key: required"});
}

TEST_CASE("bin/cpi finds package and configuration under the Director and in create-env's folders")
{
    const TempDir folder;
    const std::string script = folder.write("cpi", render("cpi.erb", with_agent()));
    const std::filesystem::path odd = folder.path() / R"(it's "an" odd $HOME: 100%)";
    const auto put = [&](const std::filesystem::path& file, std::string_view text) {
        std::filesystem::create_directories(file.parent_path());
        return folder.write(std::filesystem::relative(file, folder.path()).native(), text);
    };
    const std::string program =
        put(odd / "packages/libvirt_cpi/bin/libvirt_cpi", "#!/bin/sh\nprintf '%s|' \"$@\"\ncat\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    const Ran ran = run_program({"/bin/sh", script}, "the request",
                                {{"BOSH_PACKAGES_DIR", odd / "packages"}, {"BOSH_JOBS_DIR", odd / "jobs"}});
    CHECK(ran.out ==
          concat("--config|", (odd / "jobs/libvirt_cpi/config/cpi.json").native(), "|the request"));
    const Ran usual = run_program({"/bin/sh", "-x", script});
    check_says(usual.err, {"/var/vcap/packages/libvirt_cpi/bin/libvirt_cpi --config "
                           "/var/vcap/jobs/libvirt_cpi/config/cpi.json"});
}

} // namespace cpi::test
