// How the disks of VMs that run are copied.

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/undo.h"
#include "by_libvirt/libvirt_machines.h"
#include "records/layout.h"
#include "volumes/image.h"

namespace cpi {

namespace {

/// Copies the image of a disk whose VM stands still. What the guest had asked for before may still be on its
/// way to the file then.
void copy_at_rest(Host& host, const Path& from, const Path& to, const std::string& doing)
{
    const Command last_change{{"stat", "-c", "%y", from.native()}};
    constexpr unsigned attempts = 5;
    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        const std::string before = run_ok(host, last_change);
        host.copy(from, to);
        if (run_ok(host, last_change) == before)
            return;
        host.discard(to);
    }
    throw Error{ErrorKind::cloud, concat(doing, ": ", from.native(),
                                         " changes although the VM is suspended. Try: look who writes "
                                         "to it")};
}

} // namespace

Path LibvirtMachines::standstill_lock(const VmCid& vm) const
{
    return layout_.of(vm) / file_name::vm_record;
}

void LibvirtMachines::copy_disk(const VmCid& vm, const DiskCid& disk, const DiskSpec& from,
                                const DiskCopy& to)
{
    if (machinery_.copies_disks_in_use == CopyInUse::while_suspended)
        copy_while_suspended(vm, disk, from.file, to.file);
    else
        copy_by_backup_job(vm, disk, from, to);
}

void LibvirtMachines::copy_by_backup_job(const VmCid& vm, const DiskCid& disk, const DiskSpec& from,
                                         const DiskCopy& to)
{
    // The file may be the hypervisor's own while the VM runs: libvirt knows how large the disk is.
    const std::string live = libvirt_.domain_xml(name_of(vm), Definition::live);
    const auto defined = find_disk(live, disk.str());
    const std::uint64_t size =
        defined ? libvirt_.disk_size(name_of(vm), target_of_disk(defined->device_xml).device) : 0;
    // The image is there before the guest is asked to hold still.
    image::create(host_, {to.file, from.format, to.key}, Mebibytes::rounded_up(size));
    const std::string job = backup_xml(live, disk.str(), from.format, to);
    try {
        libvirt_.await_turn_to_back_up(name_of(vm));
        begin_copy(vm, job, to.file.parent_path() / file_name::frozen);
        libvirt_.finish_back_up(name_of(vm));
    } catch (const Error&) {
        log_.info(concat("the job that failed: ", job));
        throw;
    }
}

void LibvirtMachines::begin_copy(const VmCid& vm, const std::string& job, const Path& frozen)
{
    // By this record the next call lets the guest go on when this one cannot.
    host_.publish(frozen, "", Access::owner);
    Undo thaw{log_};
    thaw.add(concat("let VM ", vm.str(), " write to its file systems again"), [&] {
        libvirt_.thaw_file_systems(name_of(vm));
        host_.discard(frozen);
    });
    const bool is_frozen = libvirt_.freeze_file_systems(name_of(vm));
    libvirt_.begin_back_up(name_of(vm), job);
    // Whoever could not be frozen may have been frozen already, by a call that was killed.
    if (!thaw.run() && is_frozen)
        throw Error{ErrorKind::cloud,
                    concat("VM ", vm.str(),
                           " stays frozen: its file systems take no writes. The next call of the "
                           "CPI tries again. Try: ",
                           libvirt_.virsh(concat("domfsthaw ", vm.str())))};
}

void LibvirtMachines::copy_while_suspended(const VmCid& vm, const DiskCid& disk, const Path& from,
                                           const Path& to)
{
    // Another copy of one of its disks would let the VM go on too early.
    constexpr std::chrono::hours patience{6};
    const auto lock = host_.lock(standstill_lock(vm), Deadline{patience});
    const std::string doing = concat("copying disk ", disk.str(), " of VM ", vm.str());
    Undo undo{log_};
    const bool is_ours = libvirt_.suspend_domain(name_of(vm));
    if (is_ours)
        undo.add(concat("resume VM ", vm.str()), [&] { libvirt_.resume_domain(name_of(vm)); });
    copy_at_rest(host_, from, to, doing);
    undo.keep();
    if (is_ours && !libvirt_.resume_domain(name_of(vm)))
        throw Error{ErrorKind::cloud, concat(doing, ": somebody let the VM go on before the copy was whole. "
                                                    "Try: again")};
}

void LibvirtMachines::abandon_copy(const VmCid& vm, const DiskCid& /*disk*/, const std::string& mark)
{
    if (machinery_.copies_disks_in_use == CopyInUse::by_backup_job) {
        libvirt_.abandon_back_up(name_of(vm), mark);
        // Thawing takes an agent's time: not without need.
        if (host_.info(Layout::staging_of(layout_.snapshots() / mark) / file_name::frozen))
            libvirt_.thaw_file_systems(name_of(vm));
        return;
    }
    // Who holds the lock still copies, and will let the VM go on.
    const auto lock = host_.try_lock(standstill_lock(vm));
    if (lock && exists(vm) && libvirt_.domain_state(name_of(vm)) == DomainState::running &&
        libvirt_.resume_domain(name_of(vm)))
        log_.warning(concat("VM ", vm.str(), " was left suspended by a copy that was not finished"));
}

} // namespace cpi
