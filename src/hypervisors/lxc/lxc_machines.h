#pragma once

#include "by_libvirt/libvirt_machines.h"

namespace cpi {

/// Control over containers. libvirt keeps their definitions; a persistent disk is a folder there, on which
/// its file system is mounted on the host before the container starts. Into a container that runs it is
/// mounted from outside.
class LxcMachines final : public LibvirtMachines {
public:
    using LibvirtMachines::LibvirtMachines;

    void create(const DomainSpec& spec) override;
    bool remove(const VmCid& vm) override;
    void reboot(const VmCid& vm, std::chrono::seconds patience) override;

    [[nodiscard]] std::vector<DiskCid> persistent_disks(const VmCid& vm) override;
    [[nodiscard]] bool has_disk(const VmCid& vm, const DiskCid& disk) override;
    [[nodiscard]] bool uses(const VmCid& vm, const DiskCid& disk) override;
    DiskHint attach(const VmCid& vm, const DiskCid& disk, const DiskSpec& spec) override;
    bool detach(const VmCid& vm, const DiskCid& disk) override;
    bool resize(const VmCid& vm, const DiskCid& disk, const Path& file, Mebibytes size) override;
    void copy_disk(const VmCid& vm, const DiskCid& disk, const DiskSpec& from, const DiskCopy& to) override;
    void abandon_copy(const VmCid& vm, const DiskCid& disk, const std::string& mark) override;

protected:
    void make_ready(const VmCid& vm) override;
    void ask_to_stop(const VmCid& vm) override;

private:
    /// The host's number of the container's first process; none: it does not run.
    [[nodiscard]] std::string init_of(const VmCid& vm);
    /// Mounts on the host what is the container's own.
    void mount_own(const VmCid& vm, const std::optional<IdMap>& ids);
    /// Into the running container, what is mounted on the host.
    void mount_inside(const VmCid& vm, const std::string& init, const DiskCid& disk);
    void unmount_inside(const std::string& init, const DiskCid& disk);
    void stop_services(const std::string& init);
    /// Gives NICs the MAC addresses of the definition back, where the host's udev has changed them.
    void keep_macs(const VmCid& vm);
    /// Gives the container another definition.
    void define(const VmCid& vm, const std::string& xml);
};

} // namespace cpi
