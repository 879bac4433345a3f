#pragma once

#include "base/ids.h"
#include "base/pinned.h"
#include "hypervisor/domain_spec.h"
#include "network/networks.h"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cpi {

/// What can be done with the VMs of one hypervisor. The hypervisor's own record of what a VM is and has is
/// the truth, as far as it keeps one. A VM that does not exist is vm_not_found wherever it is needed; one
/// that the CPI did not make does not exist for it.
class Machines : private Pinned {
public:
    virtual ~Machines() = default;

    [[nodiscard]] virtual bool exists(const VmCid& vm) = 0;
    /// VMs of which `has_files` says that the store has nothing, though they are made to have their files
    /// there, and that were never finished: nobody has annotated them.
    [[nodiscard]] virtual std::vector<VmCid> strays(const std::function<bool(const VmCid&)>& /*has_files*/)
    {
        return {};
    }
    /// Makes the VM known to the hypervisor and starts it. Its files are in their places.
    virtual void create(const DomainSpec& spec) = 0;
    /// Stops it at once and forgets it, with all that the hypervisor holds of its files; the files are the
    /// caller's. False: there was none.
    virtual bool remove(const VmCid& vm) = 0;
    /// Ends with the VM running from its definition: a guest that can is asked to shut down first.
    virtual void reboot(const VmCid& vm, std::chrono::seconds patience) = 0;
    virtual void annotate(const VmCid& vm, const std::map<std::string, std::string>& tags) = 0;

    [[nodiscard]] virtual std::vector<DiskCid> persistent_disks(const VmCid& vm) = 0;
    /// Whether the running VM or its definition has it. False also when there is no such VM.
    [[nodiscard]] virtual bool has_disk(const VmCid& vm, const DiskCid& disk) = 0;
    /// Whether the VM runs with the disk.
    [[nodiscard]] virtual bool uses(const VmCid& vm, const DiskCid& disk) = 0;
    /// One that is attached already is fine. Returns how the guest finds it. `spec.position` is chosen here.
    virtual DiskHint attach(const VmCid& vm, const DiskCid& disk, const DiskSpec& spec) = 0;
    /// Returns when the VM no longer has it. False: it had none such.
    virtual bool detach(const VmCid& vm, const DiskCid& disk) = 0;
    /// Gives a running VM's disk a new size, which its guest sees at once. False: the disk is not in use, and
    /// its image is the caller's to resize.
    virtual bool resize(const VmCid& vm, const DiskCid& disk, const Path& file, Mebibytes size) = 0;
    /// Copies a disk that a running VM uses, as it is now, to a new image. `to` has the same format and size.
    virtual void copy_disk(const VmCid& vm, const DiskCid& disk, const DiskSpec& from,
                           const DiskCopy& to) = 0;
    /// Where networks are not libvirt's: throws when a NIC cannot be plugged into that, or makes what is
    /// missing if that is allowed.
    virtual void make_usable(const Nic& /*nic*/, AutoEnable /*enable*/,
                             const std::vector<Subnet>& /*subnets*/)
    {
    }
    /// Ends what a call that is gone has left running of a copy whose path has `mark` in it.
    virtual void abandon_copy(const VmCid& vm, const DiskCid& disk, const std::string& mark) = 0;
};

/// For people: one line for each.
[[nodiscard]] std::string text_of(const std::map<std::string, std::string>& tags);

} // namespace cpi
