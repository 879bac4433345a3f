#pragma once

#include "conformance/lab.h"
#include "support/temp_dir.h"

#include <string>
#include <string_view>
#include <vector>

/// What the tests on real QEMU share: the lab's libvirtd and stemcells, a store of the test's own, and a look
/// inside.
namespace cpi::test {

/// The `image` and the `cloud_properties` of one of the lab's stemcells.
struct LabStemcell {
    std::string image;
    std::string cloud_properties;
};
[[nodiscard]] LabStemcell lab_stemcell(std::string_view kind);

[[nodiscard]] std::string lab_uri();

/// Runs virsh against the lab; a failure throws with what it said.
std::string virsh(const std::vector<std::string>& words);
[[nodiscard]] bool domain_exists(const std::string& vm);
/// A command in the network of the lab's host.
[[nodiscard]] Ran run_on_host(const std::vector<std::string>& argv);
/// A shell command in the guest, by its own agent; what it prints, without the last line's end.
[[nodiscard]] std::string in_guest(const std::string& vm, const std::string& command);
[[nodiscard]] Ran try_in_guest(const std::string& vm, const std::string& command);

/// What is said of networks that the lab has: one manual and one dynamic network.
[[nodiscard]] std::string manual_network(std::string_view ip,
                                         std::string_view cloud_properties = R"({"network":"default"})");
inline constexpr std::string_view dynamic_network =
    R"({"type":"dynamic","cloud_properties":{"network":"default"},"default":["dns","gateway"]})";

/// A CPI with a store of its own. Whatever a test leaves of VMs is taken away.
class QemuCpi : private Pinned {
public:
    /// `extra` is added to the configuration: members of a JSON object, with a comma before them.
    explicit QemuCpi(std::string_view extra = {});
    ~QemuCpi();

    [[nodiscard]] const CpiProcess& process() const noexcept { return process_; }
    [[nodiscard]] std::filesystem::path store() const { return folder_.path() / "store"; }
    [[nodiscard]] std::string config_file() const { return (folder_.path() / "cpi.json").native(); }
    [[nodiscard]] Reply call(std::string_view method, std::string_view arguments) const
    {
        return process_.call(method, arguments);
    }
    /// The string that the call returns.
    [[nodiscard]] std::string cid(std::string_view method, std::string_view arguments) const;
    [[nodiscard]] std::string create_stemcell(std::string_view kind) const;
    /// `networks` is a JSON object. The VM's cid.
    [[nodiscard]] std::string create_vm(const std::string& stemcell, const std::string& networks,
                                        std::string_view properties = small_vm) const;
    [[nodiscard]] Reply try_create_vm(const std::string& stemcell, const std::string& networks,
                                      std::string_view properties = small_vm) const;
    /// Waits until the guest reported that it is up; what it reported.
    [[nodiscard]] std::string boot_report(const std::string& vm) const;
    /// What is left in the store and in libvirt: nothing, after a failure that cleaned up.
    [[nodiscard]] std::string leftovers() const;

    static constexpr std::string_view small_vm = R"({"cpus":1,"memory":256,"ephemeral_disk":64})";
    static constexpr std::string_view agent_id = "agent-7e1f";

private:
    TempDir folder_;
    CpiProcess process_;
};

/// A VM that disks are looked at from. It takes longer to boot than most cases take: one serves them all.
struct Bench {
    QemuCpi cpi;
    std::string vm;

    [[nodiscard]] static const Bench& for_all();

    /// The disk's hint.
    [[nodiscard]] std::string attach(const std::string& disk) const;
    void detach(const std::string& disk) const;
    /// Mounts the disk, runs a command in its file system, and lets go of it. What the command printed.
    [[nodiscard]] std::string on_disk(const std::string& disk, const std::string& command) const;
    [[nodiscard]] std::string snapshot(const std::string& disk) const;

private:
    Bench();
    [[nodiscard]] std::string pair_with(const std::string& disk) const { return json_list({vm, disk}); }
};

} // namespace cpi::test
