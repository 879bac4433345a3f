// Who is at the other end, and who we are: against a real SSH server.

#include "base/clock.h"
#include "base/text.h"
#include "host/ssh_host.h"
#include "live/remote/far_host.h"
#include "live/remote/server.h"
#include "src/caught.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace cpi::test {

namespace {

using namespace std::chrono_literals;

/// What the other machine answers to `echo`, or what went wrong.
std::string greet(const SshAddress& address)
{
    SshHost host{[&] { return address; }};
    std::string said;
    const Caught error = caught([&] {
        said = host.run({{"echo", "hello"}}).out;
        return 0;
    });
    return said.empty() ? error.what : trim(said);
}

SshAddress with_known_hosts(std::string lines)
{
    SshAddress address = server_address();
    address.known_hosts = std::move(lines);
    return address;
}

std::string keygen(const std::string& words)
{
    const Ran ran = run_program({"sh", "-c", concat("ssh-keygen ", words)});
    REQUIRE(ran.status == 0);
    return ran.out;
}

/// "SHA256:…" of a key's file.
std::string fingerprint_of(const std::filesystem::path& key)
{
    return split(keygen(concat("-l -f ", key.native())), ' ').at(1);
}

/// A new key without a passphrase, or with one.
std::filesystem::path make_key(const TempDir& folder, const std::string& name,
                               const std::string& passphrase = "")
{
    const auto file = folder.path() / name;
    static_cast<void>(keygen(concat("-q -t ed25519 -N '", passphrase, "' -f ", file.native())));
    return file;
}

} // namespace

TEST_CASE("a host is known by a line of a .pub or a known_hosts file, among others, in each of its forms")
{
    const SshAddress address = server_address();
    const std::string key = trim(read_file(server_folder() / "host_key.pub"));
    const std::string other = trim(read_file(server_folder() / "other_host_key.pub"));
    CHECK(greet(address) == "hello");
    CHECK(greet(with_known_hosts(other)) == "hello"); // it has two, and shows the one that is known
    CHECK(greet(with_known_hosts(concat(address.host, " ", key))) == "hello");
    CHECK(greet(with_known_hosts(concat("[", address.host, "]:22 ", key))) == "hello");
    const TempDir folder;
    folder.write(
        "known",
        concat("# those of others\n\nelsewhere.example ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAwEAAQ==\n",
               address.host, " ", key, "\n"));
    CHECK(greet(with_known_hosts(read_file(folder.path() / "known"))) == "hello");
    static_cast<void>(keygen(concat("-H -f ", (folder.path() / "known").native())));
    const std::string hashed = read_file(folder.path() / "known");
    CHECK(hashed.find(address.host) == std::string::npos);
    CHECK(greet(with_known_hosts(hashed)) == "hello");
}

TEST_CASE("a host that is not known is told nothing, and the error has the line by which it would be")
{
    const std::string key = read_file(server_folder() / "host_key.pub");
    const std::string line = join(std::vector{split(key, ' ').at(0), split(key, ' ').at(1)}, " ");
    const std::string complaint = greet(with_known_hosts(""));
    check_says(complaint, {"it shows the host key ", " and none is known of it", "Try: "});
    SshAddress trusting = with_known_hosts("");
    trusting.trusts_any_host = true;
    CHECK(greet(trusting) == "hello");

    const TempDir folder;
    const auto stranger = make_key(folder, "stranger");
    const std::string changed = greet(with_known_hosts(read_file(concat(stranger.native(), ".pub"))));
    check_says(changed, {fingerprint_of(server_folder() / "host_key.pub"), fingerprint_of(stranger), line,
                         "Somebody may be in between"});
    CHECK(greet(with_known_hosts(line)) == "hello");
    check_says(greet(with_known_hosts("no key at all")), {"'no key at all' is no line of"});
}

TEST_CASE("a private key that is not taken, cannot be read or lacks its passphrase is the error")
{
    const TempDir folder;
    SshAddress address = server_address();
    address.private_key = Secret{read_file(make_key(folder, "stranger"))};
    check_says(greet(address), {"does not take the private key of user 'root'", "authorized_keys"});
    address.private_key = Secret{"-----BEGIN nonsense-----"};
    check_says(greet(address), {"the private key cannot be read", "Try: ssh-keygen"});
    address.private_key = Secret{read_file(make_key(folder, "locked", "sesame"))};
    check_says(greet(address), {"the private key cannot be read", "passphrase"});
    address.passphrase = Secret{"sesame"};
    check_says(greet(address), {"does not take the private key"});
}

TEST_CASE("a host may have an address of IPv6")
{
    SshAddress address = server_address();
    address.host = trim(read_file(server_folder() / "address6"));
    REQUIRE(address.host.starts_with("fd78:"));
    CHECK(greet(address) == "hello");
    address.known_hosts = concat(address.host, " ", address.known_hosts);
    CHECK(greet(address) == "hello");
    address.port = 1;
    check_says(greet(address), {address.host, "Connection refused"});

    const FarHost host{1};
    const std::string there = concat(R"("host":)", json_string(address.host));
    CHECK(host.call_with(there, "has_vm", R"(["vm-x"])").require_ok().result_text() == "false");
    const std::string uri = concat(there, R"(,"uri":"qemu+ssh://root@[)", address.host, R"(]/system")");
    CHECK(host.call_with(uri, "has_vm", R"(["vm-x"])").require_ok().result_text() == "false");
}

TEST_CASE("a user's name is a name, whatever is in it")
{
    SshAddress address = server_address();
    for (const auto* name : {"-oProxyCommand=x", "a b'c$(id)`id`\"\\", "nobody\nhere", "ünï"}) {
        address.user = name;
        check_says(greet(address), {concat("does not take the private key of user '", name, "'")});
    }
}

TEST_CASE("a call opens one connection for files and one for libvirt, and neither when it needs none")
{
    const FarHost host{1};
    const auto opened_by = [&](std::string_view method, const std::string& arguments) {
        const auto count = [] {
            const auto lines = split(read_file(server_folder() / "log"), '\n');
            return std::ranges::count_if(
                lines, [](const std::string& line) { return line.starts_with("Accepted publickey"); });
        };
        const auto before = count();
        CHECK(host.call(method, arguments).ok());
        return count() - before;
    };
    CHECK(opened_by("ping", "[]") == 0);
    CHECK(opened_by("has_vm", R"(["vm-x"])") == 2);
    CHECK(opened_by("create_disk", "[8,{},null]") == 1);
    CHECK(opened_by("has_disk", R"(["disk-x"])") == 1);
    const std::string stemcell = host.create_stemcell();
    CHECK(opened_by("create_vm",
                    concat(R"(["a",)", json_string(stemcell), R"(,{"memory":128,"ephemeral_disk":64},)",
                           R"({"n":{"type":"dynamic","cloud_properties":{"network":"default"}}},[],{}])")) ==
          2);
}

TEST_CASE("a host that refuses is asked again a few times, one without a way there is not waited for")
{
    SshAddress address = server_address();
    address.port = 1;
    const auto begin = std::chrono::steady_clock::now();
    check_says(greet(address), {concat("root@", address.host, " port 1"), "Connection refused", "Try: "});
    const auto took = std::chrono::steady_clock::now() - begin;
    CHECK(took >= 3s);
    CHECK(took < 10s);
    address = server_address();
    address.host = "no-such-host.invalid";
    check_says(greet(address), {"the name is not known"});
}

} // namespace cpi::test
