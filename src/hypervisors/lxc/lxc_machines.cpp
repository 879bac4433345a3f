#include "lxc/lxc_machines.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/undo.h"
#include "lxc/container.h"
#include "lxc/container_mounts.h"
#include "records/layout.h"
#include "volumes/mounts.h"
#include "volumes/tree.h"
#include "xml/xml.h"

#include <algorithm>
#include <array>

namespace cpi {

namespace {

using container::folder_of;

constexpr std::string_view systemd = "/sbin/init";
constexpr std::string_view runit = "/usr/sbin/runsvdir-start";
constexpr unsigned hang_up = 1;
/// glibc's SIGRTMIN+4, which systemd takes as the order to power off.
constexpr unsigned power_off = 38;

/// Who makes a container's mounts be there again when the host has started, in libvirt's words: a hook. One
/// of these is what the documentation gives.
constexpr std::array<std::string_view, 2> hooks{"/etc/libvirt/hooks/lxc.d/libvirt-cpi",
                                                "/etc/libvirt/hooks/lxc"};

Path proc_of(const std::string& pid)
{
    return Path{"/proc"} / pid;
}

bool is_mounted(Host& host, const std::string& init, const DiskCid& disk)
{
    return !init.empty() && mounts::find(mounts::seen_by(host, init), folder_of(disk)).has_value();
}

/// In a container whose ids are others its root could not write.
void require_ids(const VmCid& vm, const std::optional<IdMap>& its, const DiskCid& disk,
                 const std::optional<IdMap>& of_files)
{
    if (its != of_files)
        throw Error{ErrorKind::cloud,
                    concat("disk '", disk.str(), "' has files for ", text_of(of_files), ", and VM '",
                           vm.str(), "' has ", text_of(its), ". Try: libvirt_cpi convert-disk ", disk.str(),
                           " --to raw, for the idmap that is configured now; and bosh recreate, for a VM "
                           "from before that")};
}

} // namespace

std::string LxcMachines::init_of(const VmCid& vm)
{
    if (libvirt().domain_state(name_of(vm)) == DomainState::off)
        return {};
    // libvirt's number of a container is that of the process that watches over it; its only child is the
    // container's first process.
    const std::string live = libvirt().domain_xml(name_of(vm), Definition::live);
    const std::string watcher = xml::Document::parse(live, "a container's definition").root().attribute("id");
    std::string init;
    // For a moment it is a second watcher, and the container is not made yet.
    constexpr std::chrono::seconds patience{20};
    const bool is_there = wait_until(Deadline{patience}, [&] {
        const auto children = host().read(proc_of(watcher) / "task" / watcher / "children");
        init = children ? split(trim(*children), ' ').front() : "";
        const auto program = init.empty() ? std::nullopt : host().target_of(proc_of(init) / "exe");
        return program && program->filename() != "libvirt_lxc";
    });
    if (!is_there)
        throw Error{ErrorKind::cloud, concat("VM ", vm.str(), ": its first process is not there within ",
                                             patience.count(), " s. Try: reboot the VM")};
    return init;
}

void LxcMachines::mount_own(const VmCid& vm, const std::optional<IdMap>& ids)
{
    container_mounts::make(host(), vm, ids);
    const Path ephemeral = layout().of(vm) / file_name::ephemeral("raw");
    if (host().info(ephemeral))
        container_mounts::mount_ephemeral(host(), vm, ephemeral);
}

void LxcMachines::make_ready(const VmCid& vm)
{
    tree::make_ready(host(), layout().of(vm) / file_name::container);
    const std::string definition = libvirt().domain_xml(name_of(vm), Definition::inactive);
    mount_own(vm, container::ids_in(definition));
    for (const DiskCid& disk : container::disks_in(definition))
        if (const auto image = host().target_of(layout().link_of(vm, disk)))
            container_mounts::mount_disk(host(), vm, disk, *image);
}

void LxcMachines::create(const DomainSpec& spec)
{
    DomainSpec container = spec;
    container.init = host().info(spec.root.file / runit.substr(1)) ? runit : systemd;
    mount_own(VmCid{spec.name}, spec.ids);
    LibvirtMachines::create(container);
    keep_macs(VmCid{spec.name});
    if (spec.autostart &&
        std::ranges::none_of(hooks, [&](const Path& hook) { return host().info(hook).has_value(); }))
        log().warning(concat("VM ", spec.name, " will not start with the host, which has no hook ",
                             hooks.front(),
                             " that mounts its disks. Try: docs/restart.md, or autostart: false"));
}

void LxcMachines::reboot(const VmCid& vm, std::chrono::seconds patience)
{
    LibvirtMachines::reboot(vm, patience);
    keep_macs(vm);
}

void LxcMachines::keep_macs(const VmCid& vm)
{
    const std::string init = init_of(vm);
    const auto nics = container::nics_in(libvirt().domain_xml(name_of(vm), Definition::inactive));
    // udev sees new interfaces a little late: they have to keep their addresses for a while.
    constexpr std::chrono::milliseconds a_while{150};
    constexpr std::chrono::seconds patience{5};
    Deadline quiet{a_while};
    static_cast<void>(wait_until(Deadline{patience}, [&] {
        for (const auto& [device, mac] : nics) {
            const auto now = host().read(proc_of(init) / "root/sys/class/net" / device / "address");
            if (!now || trim(*now) == mac)
                continue;
            run_ok(host(), {{"nsenter", "--target", init, "--net", "ip", "link", "set", "dev", device,
                             "address", mac}});
            quiet = Deadline{a_while};
        }
        return init.empty() || quiet.passed();
    }));
}

/// runit ends at once when it is told to: its services are stopped before.
void LxcMachines::stop_services(const std::string& init)
{
    const Path folder = "/etc/service";
    Command command{{"nsenter", "--target", init, "--all", "sv", "-w", "20", "force-stop"}};
    for (const auto& name : host().list(proc_of(init) / "root" / folder.relative_path()))
        command.argv.push_back((folder / name).native());
    const Output output = host().run(command);
    if (output.status != 0)
        log().warning(concat("stopping the services of a container: ", trim(concat(output.out, output.err))));
}

void LxcMachines::ask_to_stop(const VmCid& vm)
{
    const std::string definition = libvirt().domain_xml(name_of(vm), Definition::live);
    const bool has_runit = container::init_program(definition) == runit;
    if (has_runit)
        stop_services(init_of(vm));
    libvirt().signal_domain(name_of(vm), has_runit ? hang_up : power_off);
}

bool LxcMachines::remove(const VmCid& vm)
{
    const bool was_there = LibvirtMachines::remove(vm);
    const Path place = layout().of(vm);
    for (const Path& folder : {place, Layout::staging_of(place)})
        mounts::release(host(), tree::root_of(folder / file_name::container));
    container_mounts::release(host(), vm);
    return was_there;
}

std::vector<DiskCid> LxcMachines::persistent_disks(const VmCid& vm)
{
    return container::disks_in(libvirt().domain_xml(name_of(vm), Definition::inactive));
}

bool LxcMachines::has_disk(const VmCid& vm, const DiskCid& disk)
{
    if (!exists(vm))
        return false;
    return container::has_disk(libvirt().domain_xml(name_of(vm), Definition::inactive), disk) ||
           uses(vm, disk);
}

bool LxcMachines::uses(const VmCid& vm, const DiskCid& disk)
{
    // On the host it stays mounted when the container ends by itself.
    return mounts::at(host(), container_mounts::disk_of(vm, disk)) || is_mounted(host(), init_of(vm), disk);
}

void LxcMachines::define(const VmCid& vm, const std::string& xml)
{
    try {
        libvirt().define_domain(name_of(vm), xml);
    } catch (const Error&) {
        log().info(concat("the definition that failed: ", xml));
        throw;
    }
}

void LxcMachines::mount_inside(const VmCid& vm, const std::string& init, const DiskCid& disk)
{
    const auto mount = mounts::at(host(), container_mounts::disk_of(vm, disk));
    if (!mount)
        throw Error{ErrorKind::cloud, concat("disk ", disk.str(), " is not mounted on the host any more")};
    // The container has no node of the device. As a process that the container's /proc knows, mount finds
    // there the one that it was given as its input; the program is the host's all the same.
    constexpr std::string_view script = R"sh(exec nsenter --target "$1" --pid \
        mount --no-canonicalize --namespace "/proc/$1/ns/mnt" -t ext4 /proc/self/fd/0 "$2" <"$3")sh";
    run_ok(host(), {{"sh", "-c", std::string{script}, "sh", init, folder_of(disk), mount->source}});
}

DiskHint LxcMachines::attach(const VmCid& vm, const DiskCid& disk, const DiskSpec& spec)
{
    const std::string init = init_of(vm);
    const std::string definition = libvirt().domain_xml(name_of(vm), Definition::inactive);
    require_ids(vm, container::ids_in(definition), disk, spec.ids);
    if (!container::has_disk(definition, disk)) {
        container_mounts::require_unused(host(), disk, spec.file);
        const Path link = layout().link_of(vm, disk);
        host().discard(link);
        host().point(link, spec.file);
        define(vm, container::with_disk(definition, disk, container_mounts::disk_of(vm, disk)));
    }
    if (!init.empty() && !is_mounted(host(), init, disk)) {
        container_mounts::mount_disk(host(), vm, disk, spec.file);
        mount_inside(vm, init, disk);
    }
    return {.path = folder_of(disk)};
}

void LxcMachines::unmount_inside(const std::string& init, const DiskCid& disk)
{
    const auto mounts = mounts::seen_by(host(), init);
    const auto mount = mounts::find(mounts, folder_of(disk));
    if (!mount)
        return;
    for (const auto& other : mounts)
        if (other.device == mount->device && other.place != mount->place)
            throw Error{ErrorKind::cloud, concat("the container has it mounted on ", other.place,
                                                 ". Try: unmount that in the container, then detach again")};
    run_ok(host(), {{"umount", "--namespace", init, folder_of(disk)}});
}

bool LxcMachines::detach(const VmCid& vm, const DiskCid& disk)
{
    if (!has_disk(vm, disk))
        return false;
    while_doing(concat("detaching disk ", disk.str(), " from VM ", vm.str()), [&] {
        if (const std::string init = init_of(vm); !init.empty())
            unmount_inside(init, disk);
        container_mounts::unmount_disk(host(), vm, disk);
    });
    define(vm, container::without_disk(libvirt().domain_xml(name_of(vm), Definition::inactive), disk));
    host().discard(layout().link_of(vm, disk));
    return true;
}

bool LxcMachines::resize(const VmCid& vm, const DiskCid& disk, const Path& /*file*/, Mebibytes /*size*/)
{
    if (!uses(vm, disk))
        return false;
    throw Error{ErrorKind::not_supported, concat("disk '", disk.str(), "' is mounted for the container ",
                                                 vm.str(), " and cannot be resized. Try: detach it first")};
}

void LxcMachines::copy_disk(const VmCid& vm, const DiskCid& disk, const DiskSpec& from, const DiskCopy& to)
{
    const std::string mounted = container_mounts::disk_of(vm, disk).native();
    run_ok(host(), {{"fsfreeze", "--freeze", mounted}});
    Undo undo{log()};
    undo.add(concat("let the container ", vm.str(), " write again"), [&] {
        run_ok(host(), {{"fsfreeze", "--unfreeze", mounted}});
    });
    host().copy(from.file, to.file);
}

void LxcMachines::abandon_copy(const VmCid& vm, const DiskCid& disk, const std::string& /*mark*/)
{
    const Path mounted = container_mounts::disk_of(vm, disk);
    // It fails where nothing is frozen.
    if (mounts::at(host(), mounted))
        static_cast<void>(host().run({{"fsfreeze", "--unfreeze", mounted.native()}}));
}

} // namespace cpi
