// The part of the Director: the release is installed in a root of another Debian, under /var/vcap; bin/cpi is
// called as user vcap without groups and with PATH, TMPDIR and HOME alone, and reaches the hypervisor's host
// by SSH as an ordinary user.

#include "base/text.h"
#include "conformance/lab.h"
#include "live/release/installed.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <fstream>

namespace cpi::test {

namespace {

const Lab& lab()
{
    static const Lab remote{SOURCE_DIR "/tests/lab/hypervisors/remote-user"};
    return remote;
}

/// The Director's VM.
class Director : private Pinned {
public:
    explicit Director(std::string_view properties) : root_{folder_.path() / "root"}
    {
        run({"cp", "-a", trim(run({SOURCE_DIR "/tests/lab/distribution", "bullseye"}, {}, lab_environment())),
             root_});
        std::ofstream{root_ / "etc/passwd", std::ios::app} << "vcap:x:1000:1000::/home/vcap:/bin/bash\n";
        std::ofstream{root_ / "etc/group", std::ios::app} << "vcap:x:1000:\n";
        install(properties);
    }

    Reply call(std::string_view method, std::string_view arguments) const
    {
        constexpr std::string_view context = R"("director_uuid":"d-1","request_id":"cpi-123456")";
        const Reply info{run_cpi(request("info", "[]", context))};
        CHECK(info.require_ok().result().at("api_version").integer(2, 3) == 3);
        return Reply{run_cpi(request(method, arguments, context, R"("api_version":3)"))};
    }
    std::string cid(std::string_view method, std::string_view arguments) const
    {
        return call(method, arguments).require_ok().result().string();
    }
    /// A file of the VM's, for vcap.
    void put(const std::filesystem::path& from, const std::string& to) const
    {
        run({"install", "-D", "-m", "644", from, root_.native() + to});
    }

private:
    void install(std::string_view properties) const
    {
        const Folder data = root_ / "var/vcap/data";
        unpack_release(release_tarball(), data / "release");
        std::filesystem::create_directories(root_ / "var/vcap/packages/libvirt_cpi");
        const Ran compiled = compile_package({"chroot", root_}, "/var/vcap/data/release/package",
                                             {"/var/vcap/packages", "/var/vcap/jobs"});
        REQUIRE_MESSAGE(compiled.status == 0, compiled.err);
        const Folder job = root_ / "var/vcap/jobs/libvirt_cpi";
        render_job(data / "release/job", properties, job);
        // As the agent leaves them: of root, and vcap may read.
        run({"chown", "-R", "root:1000", job});
        run({"chmod", "-R", "u=rwX,g=rX,o=", job});
        run({"chmod", "750", job / "bin/cpi"});
        run({"install", "-d", "-o", "1000", "-g", "1000", data / "director/tmp", root_ / "home/vcap"});
    }
    [[nodiscard]] Ran run_cpi(const std::string& text) const
    {
        return run_program({"chroot", "--userspec=1000:1000", "--groups=", root_, "env", "-i",
                            "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR=/var/vcap/data/director/tmp",
                            "HOME=/home/vcap", "/var/vcap/jobs/libvirt_cpi/bin/cpi"},
                           text);
    }

    TempDir folder_;
    Folder root_;
};

} // namespace

TEST_CASE("the Director's CPI makes, changes and removes VMs and disks on a host that it reaches by SSH")
{
    LabCpi guests{lab()}; // for the store, and what happens inside guests
    const Director director{
        concat(R"({"agent":{"mbus":"nats://10.254.50.4:4222"},"ntp":["0.pool.ntp.org"],"store_dir":)",
               json_string(guests.store()), ",", lab().members("config"), "}")};
    const Folder stemcell = lab().ask({"stemcell"});
    director.put(stemcell / "image", "/var/vcap/data/tmp/stemcell/image");
    const std::string image =
        director.cid("create_stemcell", stemcell_arguments("/var/vcap/data/tmp/stemcell/image", stemcell));

    const Reply created = director.call(
        "create_vm", concat(R"(["agent-1",)", json_string(image),
                            R"(,{"cpus":1,"memory":256,"ephemeral_disk":64},{"net":)",
                            lab().ask({"network", "161"}), R"(},[],{"bosh":{"group":"g","tags":{}}}])"));
    const std::string vm = created.require_ok().result().items().at(0).string();
    CHECK(guests.report(vm).find("REPORT agent_id=agent-1") != std::string::npos);
    CHECK(director.call("set_vm_metadata", concat("[", json_string(vm), R"(,{"name":"web/0","job":"web"}])"))
              .ok());
    CHECK(director.call("has_vm", json_list({vm})).require_ok().result_text() == "true");

    const std::string disk = director.cid("create_disk", concat("[32,{},", json_string(vm), "]"));
    const std::string hint = director.call("attach_disk", json_list({vm, disk})).require_ok().result_text();
    CHECK(lab()
              .in_guest(vm, concat("mount-disk ", disk, " ", shell_quote(hint),
                                   " /mnt && echo precious > /mnt/data && unmount-disk /mnt && echo written"))
              .ends_with("written"));
    CHECK(director.call("get_disks", json_list({vm})).require_ok().result_text() == json_list({disk}));
    CHECK(director.call("detach_disk", json_list({vm, disk})).ok());
    CHECK(director.call("delete_vm", json_list({vm})).ok());
    CHECK(director.call("has_vm", json_list({vm})).require_ok().result_text() == "false");
    CHECK(director.call("has_disk", json_list({disk})).require_ok().result_text() == "true");
    CHECK(director.call("delete_disk", json_list({disk})).ok());
    CHECK(director.call("delete_stemcell", json_list({image})).ok());
    for (const char* kind : {"vms", "disks", "stemcells"})
        CHECK(guests.names_in(kind).empty());
}

} // namespace cpi::test
