#pragma once

#include "hypervisor/hypervisor.h"
#include "virt/libvirt.h"
#include "vmware/vmrun.h"

#include <functional>

namespace cpi {

/// Control over VMware's VMs. libvirt describes and starts them, and knows no VM that is off: what a VM is
/// and has is in its folder, and VMware is told by each start. Disks come and go while the VM is off.
///
/// A call that switches a VM off notes before that how the VM is to come back. When it is killed in between,
/// the next call that has to do with the VM brings it back.
class VmwareMachines final : public Machines {
public:
    explicit VmwareMachines(const Ground& ground);

    [[nodiscard]] bool exists(const VmCid& vm) override;
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
    void make_usable(const Nic& nic, AutoEnable enable, const std::vector<Subnet>& subnets) override;

private:
    [[nodiscard]] Path file_of(const VmCid& vm, std::string_view name) const;
    [[nodiscard]] Path vmx_of(const VmCid& vm) const;
    [[nodiscard]] std::optional<std::string> find_record(const VmCid& vm);
    /// A VM without a record is vm_not_found.
    [[nodiscard]] std::string record_of(const VmCid& vm);
    void keep_record(const VmCid& vm, std::string_view record);

    /// While it lives no other call switches the VM off or on. A VM without files has none.
    [[nodiscard]] std::unique_ptr<HeldLock> hold(const VmCid& vm);
    /// How the VM is to come back; empty: nobody switched it off.
    [[nodiscard]] std::string due(const VmCid& vm);
    /// Whether the VM runs, or did until a call that is not done switched it off.
    [[nodiscard]] bool is_on(const VmCid& vm);
    /// Wakes a VM that a killed call has suspended.
    void wake(const VmCid& vm);
    /// Finishes what a killed call has begun.
    void mend(const VmCid& vm);
    /// When a call fails that has switched the VM off: its own failure is what the caller hears of.
    void mend_quietly(const VmCid& vm) noexcept;
    void switch_off(const VmCid& vm, std::chrono::seconds patience);
    /// Starts a VM that is off from its record.
    void start(const VmCid& vm);
    void start_defined(Libvirt& libvirt, const VmCid& vm);
    /// Gives the VM another record, and what is on comes on again with it; or all stays as it was.
    void change(const VmCid& vm, const std::string& before, const std::string& after);
    void while_suspended(const VmCid& vm, const std::function<void()>& step);
    void while_off(const VmCid& vm, const std::function<void()>& step);

    LibvirtAddress libvirt_;
    Host& host_;
    const Layout& layout_;
    Log& log_;
    Vmrun vmrun_;
};

} // namespace cpi
