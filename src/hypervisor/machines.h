#pragma once

#include "base/ids.h"
#include "hypervisor/domain_spec.h"
#include "hypervisor/hypervisor.h"
#include "virt/libvirt.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cpi {

class Log;

/// The configuration's and a VM's wish for hardware virtualisation.
enum class Acceleration { automatic, kvm, emulation };

/// What can be done with the VMs of one hypervisor. libvirt's definition is the record of what a VM is and
/// has. A VM that does not exist is vm_not_found wherever it is needed; one that the CPI did not make does
/// not exist for it.
class Machines : private Pinned {
public:
    Machines(Libvirt& libvirt, const Machinery& machinery, Log& log)
        : libvirt_{libvirt}, machinery_{machinery}, log_{log}
    {
    }

    [[nodiscard]] bool exists(const VmCid& vm);
    /// Defines and starts a VM. `spec.domain_type` is chosen here.
    void create(DomainSpec spec, Acceleration acceleration);
    /// Stops it at once and forgets it; its files are the caller's. False: there was none.
    bool remove(const VmCid& vm);
    /// Ends with the VM running from its definition: a guest that can is asked to shut down first.
    void reboot(const VmCid& vm, std::chrono::seconds patience);
    void annotate(const VmCid& vm, const std::map<std::string, std::string>& tags);

    [[nodiscard]] std::vector<DiskCid> persistent_disks(const VmCid& vm);
    /// One that is attached already is fine. Returns the path by which the guest finds it.
    /// `spec.position` is chosen here.
    std::string attach(const VmCid& vm, const DiskCid& disk, const DiskSpec& spec);
    /// Returns when the VM no longer has it. False: it had none such.
    bool detach(const VmCid& vm, const DiskCid& disk);
    /// Gives a running VM's disk a new size, which its guest sees at once. False: the disk is not in use, and
    /// its image is the caller's to resize.
    bool resize(const VmCid& vm, const DiskCid& disk, const Path& file, Mebibytes size);
    /// Whether the VM runs with the disk.
    [[nodiscard]] bool uses(const VmCid& vm, const DiskCid& disk);
    /// Copies a disk that a running VM uses, as it is now, to a blank image of its size.
    void copy_disk(const VmCid& vm, const DiskCid& disk, const DiskSpec& to);
    /// Ends what a call that is gone has left running of a copy whose path has `mark` in it.
    void abandon_copy(const VmCid& vm, const std::string& mark);
    /// Whether the running VM or its definition has it. False also when there is no such VM.
    [[nodiscard]] bool has_disk(const VmCid& vm, const DiskCid& disk);

private:
    struct Definitions;
    [[nodiscard]] Definitions definitions(const VmCid& vm);
    /// The definition of a VM that runs with the disk; nothing when it is off or has no such disk.
    [[nodiscard]] std::optional<std::string> definition_in_use(const VmCid& vm, const DiskCid& disk);
    [[nodiscard]] std::vector<std::string> domain_types(Acceleration acceleration) const;
    void attach_where_missing(const VmCid& vm, const DiskCid& disk, DiskSpec spec);
    void define_and_start(const DomainSpec& spec);

    Libvirt& libvirt_;
    const Machinery& machinery_;
    Log& log_;
};

} // namespace cpi
