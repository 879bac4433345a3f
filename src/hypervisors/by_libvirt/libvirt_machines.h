#pragma once

#include "hypervisor/device_edit.h"
#include "hypervisor/hypervisor.h"
#include "virt/libvirt.h"

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

/// How a disk is copied that a VM writes to.
enum class CopyInUse { by_backup_job, while_suspended };

/// What differs between the hypervisors whose VMs are libvirt's domains, disks and all. Pure functions and
/// data, held against libvirt's own parser by the tests.
struct Machinery {
    /// The domain types to try, best first. The next one is tried only when the one before does not work on
    /// the host.
    std::span<const std::string_view> domain_types;
    unsigned undefine_flags;
    std::string_view log_folder; // libvirt's, with a file for each VM
    std::string (*domain_xml)(const DomainSpec& spec, std::string_view domain_type);
    std::string (*disk_xml)(const DiskSpec&) = nullptr;
    /// The positions on a bus that are taken in a definition, and one for another disk.
    std::set<unsigned> (*used_positions)(std::string_view domain_xml, Bus bus) = nullptr;
    unsigned (*free_position)(const std::set<unsigned>& used, const DiskSpec& disk) = nullptr;
    /// How a guest finds a disk that is there.
    DiskHint (*hint)(const DiskSpec&, const DiskTarget& target) = nullptr;
    bool notices_missing_images = true; // libvirt does, of a disk that is attached
    bool resizes_disks_in_use = true;
    CopyInUse copies_disks_in_use = CopyInUse::by_backup_job;
};

/// Control by libvirt's definitions: they are the record of what a VM is and has.
class LibvirtMachines : public Machines {
public:
    LibvirtMachines(const Ground& ground, const Machinery& machinery)
        : libvirt_{ground.libvirt}, host_{ground.host}, layout_{ground.layout},
          machinery_{machinery}, log_{ground.log}
    {
        libvirt_.prepare();
    }

    [[nodiscard]] bool exists(const VmCid& vm) override;
    [[nodiscard]] std::vector<VmCid> strays(const std::function<bool(const VmCid&)>& has_files) override;
    void create(const DomainSpec& spec) override;
    bool remove(const VmCid& vm) override;
    void reboot(const VmCid& vm, std::chrono::seconds patience) override;
    void annotate(const VmCid& vm, const std::map<std::string, std::string>& tags) override;

    [[nodiscard]] std::vector<DiskCid> persistent_disks(const VmCid& vm) override;
    [[nodiscard]] bool has_disk(const VmCid& vm, const DiskCid& disk) override;
    [[nodiscard]] bool uses(const VmCid& vm, const DiskCid& disk) override;
    DiskHint attach(const VmCid& vm, const DiskCid& disk, const DiskSpec& spec) override;
    bool detach(const VmCid& vm, const DiskCid& disk) override;
    bool resize(const VmCid& vm, const DiskCid& disk, const Path& file, Mebibytes size) override;
    void copy_disk(const VmCid& vm, const DiskCid& disk, const DiskSpec& from, const DiskCopy& to) override;
    void abandon_copy(const VmCid& vm, const DiskCid& disk, const std::string& mark) override;

protected:
    [[nodiscard]] Libvirt& libvirt() noexcept { return libvirt_; }
    [[nodiscard]] Host& host() noexcept { return host_; }
    [[nodiscard]] const Layout& layout() const noexcept { return layout_; }
    [[nodiscard]] Log& log() noexcept { return log_; }
    /// Before the VM is started from its definition.
    virtual void make_ready(const VmCid& /*vm*/) {}
    /// Asks the guest to shut down.
    virtual void ask_to_stop(const VmCid& vm);

private:
    /// By the first of the domain types that works.
    void define_and_start(const DomainSpec& spec);
    struct Definitions;
    [[nodiscard]] Definitions definitions(const VmCid& vm);
    /// The same, of a VM that is not off just because a call that restarted it was killed.
    [[nodiscard]] Definitions awake_definitions(const VmCid& vm);
    /// Gives the guest the disks of the definition, where they cannot come and go while it runs.
    void restart(const VmCid& vm);
    void attach_device(const VmCid& vm, const std::string& device, Reach reach);
    void detach_from_guest(const VmCid& vm, const DiskCid& disk, const std::string& device);
    /// The definition of a VM that runs with the disk; nothing when it is off or has no such disk.
    [[nodiscard]] std::optional<std::string> definition_in_use(const VmCid& vm, const DiskCid& disk);
    [[nodiscard]] std::string what_stays_of(const std::string& vm) const;
    [[nodiscard]] std::vector<std::string_view> domain_types(Acceleration acceleration) const;
    DiskTarget attach_where_missing(const VmCid& vm, const DiskCid& disk, DiskSpec spec);
    /// Held while a call has the VM stand still. A file of the VM that nobody else locks.
    [[nodiscard]] Path standstill_lock(const VmCid& vm) const;
    void copy_while_suspended(const VmCid& vm, const DiskCid& disk, const Path& from, const Path& to);
    void copy_by_backup_job(const VmCid& vm, const DiskCid& disk, const DiskSpec& from, const DiskCopy& to);
    /// Begins the job while the guest, if it can, holds still with its file systems in order.
    void begin_copy(const VmCid& vm, const std::string& job, const Path& frozen);

    Libvirt& libvirt_;
    Host& host_;
    const Layout& layout_;
    const Machinery& machinery_;
    Log& log_;
};

/// A VM's name in libvirt; one that the CPI did not make is vm_not_found.
[[nodiscard]] const std::string& name_of(const VmCid& vm);

} // namespace cpi
