#pragma once

#include "hypervisor/hypervisor.h"
#include "records/layout.h"
#include "vbox/vbox.h"
#include "vbox/vboxmanage.h"

namespace cpi {

/// Control over VirtualBox's VMs. Their settings, which it keeps in their folders, are the record of what
/// they have.
class VboxMachines final : public Machines {
public:
    explicit VboxMachines(const Ground& ground)
        : host_{ground.host}, vbox_{ground.host}, layout_{ground.layout}, log_{ground.log}
    {
    }

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
    using VmInfo = vbox::VmInfo;
    enum class Existence { none, unreadable, usable };
    [[nodiscard]] Existence look_for(const VmCid& vm);
    /// What VirtualBox says of a VM that must be there. It may be that it cannot tell.
    [[nodiscard]] VBoxManage::Answer ask_for(const VmCid& vm);
    /// The same, with settings that can be read.
    [[nodiscard]] VmInfo require(const VmCid& vm);
    /// As it is when nobody copies its disks: a call that was killed may have left it suspended.
    [[nodiscard]] VmInfo require_awake(const VmCid& vm);
    void start(const VmCid& vm);
    [[nodiscard]] bool wait_until_off(const VmCid& vm, std::chrono::seconds patience);
    /// Asks the VM's process; one that does not listen any more is ended. False: it did not do it.
    bool control(const VmCid& vm, const std::string& verb);
    /// Also of a VM whose process hangs, which nothing but this is to be asked about before.
    void power_off(const VmCid& vm);
    /// Lets VirtualBox forget an image that no VM has: it remembers them by their UUIDs and sizes.
    void forget(std::string_view kind, const Path& image);

    void make_nat_network(const std::string& name, const std::vector<Subnet>& subnets);
    void make_host_only(const std::string& name, const std::vector<Subnet>& subnets);

    Host& host_;
    VBoxManage vbox_;
    const Layout& layout_;
    Log& log_;
};

} // namespace cpi
