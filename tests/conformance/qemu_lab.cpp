#include "conformance/qemu_lab.h"

#include "base/clock.h"
#include "base/text.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace cpi::test {

namespace {

/// What a script of the lab prints.
std::string from_lab(const std::vector<std::string>& argv)
{
    const Ran ran = run_program(argv, {}, lab_environment());
    if (ran.status != 0)
        throw std::runtime_error{concat(join(argv, " "), ": ", ran.err)};
    return trim(ran.out);
}

std::string configuration(const std::filesystem::path& folder, std::string_view extra)
{
    return concat(R"({"hypervisor":"qemu","uri":)", json_string(lab_uri()), R"(,"store_dir":)",
                  json_string((folder / "store").native()),
                  R"(,"agent":{"mbus":"nats://10.254.50.4:4222","ntp":["0.pool.ntp.org"],)"
                  R"("blobstore":{"provider":"local","options":{"blobstore_path":"/var/vcap/data/cache"}}})",
                  extra, "}");
}

} // namespace

LabStemcell lab_stemcell(std::string_view kind)
{
    static const std::filesystem::path all = from_lab({SOURCE_DIR "/tests/lab/stemcells"});
    const std::filesystem::path folder = all / kind;
    return {(folder / "image").native(), read_file(folder / "cloud_properties.json")};
}

std::string lab_uri()
{
    static const std::string uri = from_lab({SOURCE_DIR "/tests/lab/libvirtd", "uri"});
    return uri;
}

std::string virsh(const std::vector<std::string>& words)
{
    std::vector<std::string> argv{"virsh", "-q", "-c", lab_uri()};
    argv.insert(argv.end(), words.begin(), words.end());
    Ran ran = run_program(argv);
    if (ran.status != 0)
        throw std::runtime_error{concat(join(argv, " "), ": ", ran.err)};
    return std::move(ran.out);
}

bool domain_exists(const std::string& vm)
{
    const auto names = split(virsh({"list", "--all", "--name"}), '\n');
    return std::ranges::find(names, vm) != names.end();
}

Ran run_on_host(const std::vector<std::string>& argv)
{
    std::vector<std::string> inside{SOURCE_DIR "/tests/lab/libvirtd", "run"};
    inside.insert(inside.end(), argv.begin(), argv.end());
    return run_program(inside, {}, lab_environment());
}

Ran try_in_guest(const std::string& vm, const std::string& command)
{
    return run_program({SOURCE_DIR "/tests/lab/guest-exec", lab_uri(), vm, command});
}

std::string in_guest(const std::string& vm, const std::string& command)
{
    const Ran ran = try_in_guest(vm, command);
    if (ran.status != 0)
        throw std::runtime_error{
            concat("in ", vm, ": ", command, ": status ", ran.status, ": ", ran.out, ran.err)};
    return trim(ran.out);
}

std::string manual_network(std::string_view ip, std::string_view cloud_properties)
{
    return concat(
        R"({"type":"manual","ip":")", ip,
        R"(","netmask":"255.255.255.0","prefix":"32","gateway":"192.168.122.1","dns":["192.168.122.1"],)",
        R"("default":["dns","gateway"],"cloud_properties":)", cloud_properties, "}");
}

QemuCpi::QemuCpi(std::string_view extra)
    : process_{folder_.write("cpi.json", configuration(folder_.path(), extra))}
{
    std::filesystem::create_directory(store());
    using std::filesystem::perms;
    std::filesystem::permissions(store(), perms::owner_all | perms::group_exec | perms::others_exec);
}

QemuCpi::~QemuCpi()
{
    for (const auto& entry : std::filesystem::directory_iterator{store()})
        if (entry.path().filename() == "vms")
            for (const auto& vm : std::filesystem::directory_iterator{entry.path()})
                static_cast<void>(call("delete_vm", json_list({vm.path().filename().native()})));
}

std::string QemuCpi::cid(std::string_view method, std::string_view arguments) const
{
    return call(method, arguments).require_ok().result().string();
}

std::string QemuCpi::create_stemcell(std::string_view kind) const
{
    const LabStemcell stemcell = lab_stemcell(kind);
    return cid("create_stemcell",
               concat("[", json_string(stemcell.image), ",", stemcell.cloud_properties, "]"));
}

Reply QemuCpi::try_create_vm(const std::string& stemcell, const std::string& networks,
                             std::string_view properties) const
{
    return call("create_vm",
                concat("[", json_string(agent_id), ",", json_string(stemcell), ",", properties, ",", networks,
                       R"(,[],{"bosh":{"group":"g","password":"*"},"deep":{"list":[1,2.5,null,"ünï"]}}])"));
}

std::string QemuCpi::create_vm(const std::string& stemcell, const std::string& networks,
                               std::string_view properties) const
{
    return try_create_vm(stemcell, networks, properties).require_ok().result().items().front().string();
}

std::string QemuCpi::boot_report(const std::string& vm) const
{
    const auto log = store() / "vms" / vm / "console.log";
    constexpr std::chrono::seconds patience{180};
    if (!wait_until(Deadline{patience},
                    [&] { return read_file(log).find("REPORT ready") != std::string::npos; }))
        throw std::runtime_error{
            concat(vm, " did not report within ", patience.count(), " s; its console: ", read_file(log))};
    return read_file(log);
}

std::string QemuCpi::leftovers() const
{
    std::string all;
    for (const auto* kind : {"vms", ".in-progress"})
        if (std::filesystem::exists(store() / kind))
            for (const auto& entry : std::filesystem::directory_iterator{store() / kind})
                all += concat(kind, "/", entry.path().filename().native(), "\n");
    return all;
}

Bench::Bench()
    : vm{cpi.create_vm(cpi.create_stemcell("openstack-qcow2"),
                       concat(R"({"net":)", manual_network("192.168.122.140"), "}"))}
{
    static_cast<void>(cpi.boot_report(vm));
}

const Bench& Bench::for_all()
{
    static const Bench bench;
    return bench;
}

std::string Bench::attach(const std::string& disk) const
{
    return cpi.call("attach_disk", pair_with(disk)).require_ok().result_text();
}

void Bench::detach(const std::string& disk) const
{
    static_cast<void>(cpi.call("detach_disk", pair_with(disk)).require_ok());
}

std::string Bench::on_disk(const std::string& disk, const std::string& command) const
{
    const std::string hint = shell_quote(attach(disk));
    std::string out = in_guest(vm, concat("mount-disk ", disk, " ", hint, " /mnt >/dev/null && cd /mnt && { ",
                                          command, "; } && cd / && umount /mnt && e2fsck -fn $(resolve-disk ",
                                          disk, " ", hint, ") >&2"));
    detach(disk);
    return out;
}

std::string Bench::snapshot(const std::string& disk) const
{
    return cpi.cid("snapshot_disk", concat("[", json_string(disk), ",{}]"));
}

} // namespace cpi::test
