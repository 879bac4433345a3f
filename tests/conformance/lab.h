#pragma once

#include "base/text.h"
#include "hypervisor/hypervisor.h"
#include "support/cpi_process.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// A hypervisor of any kind, through its script in tests/lab/hypervisors.
namespace cpi::test {

/// Variables that the labs' scripts read.
[[nodiscard]] std::map<std::string, std::string> lab_environment();

class Lab {
public:
    /// Of the script that LIBVIRT_CPI_LAB names.
    Lab();
    explicit Lab(std::string script);

    [[nodiscard]] const Hypervisor& row() const noexcept { return *row_; }
    /// What its VMs have unless a test says something else: a JSON object.
    [[nodiscard]] const std::string& properties() const noexcept { return properties_; }
    [[nodiscard]] std::string ask(const std::vector<std::string>& words) const;
    /// On the machine that the CPI runs on; `on_host` is on the hypervisor's, which may be another one.
    [[nodiscard]] Ran try_run(const std::vector<std::string>& argv, std::string_view input = {}) const;
    [[nodiscard]] Ran try_on_host(const std::vector<std::string>& argv, std::string_view input = {}) const;
    /// What a command prints, without the last line's end; its failure throws.
    [[nodiscard]] std::string run(const std::vector<std::string>& argv, std::string_view input = {}) const;
    [[nodiscard]] std::string on_host(const std::vector<std::string>& argv,
                                      std::string_view input = {}) const;
    /// What happens inside guests can be looked at. Otherwise `why_not_guests` says why not.
    [[nodiscard]] bool asks_guests() const noexcept { return why_not_guests_.empty(); }
    [[nodiscard]] const std::string& why_not_guests() const noexcept { return why_not_guests_; }
    [[nodiscard]] std::string in_guest(const std::string& vm, const std::string& command) const;
    /// Whether the VM runs: it answers.
    [[nodiscard]] bool answers(const std::string& vm) const;
    /// The hypervisor's host can be restarted.
    [[nodiscard]] bool host_restarts() const;
    /// At once, as if its power had failed; returns when it answers again.
    void restart_host() const;
    /// A file of this machine to the CPI's.
    void put(const std::string& from, const std::string& to) const;
    /// The CPI to the machine that it runs on, so that it can be called there by this path.
    void install_cpi(const std::string& to) const;
    [[nodiscard]] std::string members(std::string_view verb) const;

private:
    [[nodiscard]] Ran call(const std::string& verb, const std::vector<std::string>& words,
                           std::string_view input = {}) const;

    std::string script_;
    std::string host_verb_ = "run";
    std::string properties_ = "{}";
    std::string why_not_guests_;
    const Hypervisor* row_ = nullptr;
};

/// A CPI in a folder of its own. Its store is in the folder of that name on the hypervisor's host.
class LabCpi : private Pinned {
public:
    /// `extra` is added to the configuration: members of a JSON object, with a comma before them.
    explicit LabCpi(const Lab& lab, std::string_view extra = {}, std::string store_name = "store");
    ~LabCpi();

    [[nodiscard]] std::string folder() const { return folder_; }
    [[nodiscard]] std::string store() const { return concat(folder_, "/", store_name_); }
    /// The answer to one call. It is noted that the method was called.
    [[nodiscard]] Reply call(std::string_view method, std::string_view arguments);
    [[nodiscard]] std::string cid(std::string_view method, std::string_view arguments);
    [[nodiscard]] Ran operate(const std::vector<std::string>& words) const;
    /// Of the lab's usual kind, or the one that is named.
    [[nodiscard]] std::string create_stemcell(const std::string& kind = {});
    /// `network` is one of create_vm; the lab's own for this number when it is empty.
    [[nodiscard]] Reply try_create_vm(const std::string& stemcell, unsigned number,
                                      std::string_view properties = small_vm, std::string_view network = {});
    /// Created and booted.
    [[nodiscard]] std::string create_vm(const std::string& stemcell, unsigned number,
                                        std::string_view properties = small_vm,
                                        std::string_view network = {});
    /// Waits until the guest reported that it is ready; what it reported. Where guests are not asked it is
    /// enough that the VM runs.
    [[nodiscard]] std::string report(const std::string& vm) const;
    /// What is in a folder of the store.
    [[nodiscard]] std::set<std::string> names_in(std::string_view folder) const;
    [[nodiscard]] const std::set<std::string>& called() const noexcept { return called_; }

    static constexpr std::string_view small_vm = R"({"cpus":1,"memory":256,"ephemeral_disk":64})";

private:
    [[nodiscard]] Reply request(std::string_view text) const;

    const Lab& lab_;
    std::string folder_;
    std::string store_name_;
    std::set<std::string> called_;
};

/// The arguments of create_stemcell for a stemcell's folder of the lab's. The image is where the CPI finds
/// it.
[[nodiscard]] std::string stemcell_arguments(const std::filesystem::path& image,
                                             const std::filesystem::path& folder);
[[nodiscard]] inline std::string stemcell_arguments(const std::filesystem::path& folder)
{
    return stemcell_arguments(folder / "image", folder);
}

/// These texts as a JSON array, the arguments of most calls.
[[nodiscard]] std::string json_list(const std::vector<std::string>& texts);

} // namespace cpi::test
