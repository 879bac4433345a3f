#include "hypervisor/lxc_machines.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/undo.h"
#include "hypervisor/container.h"
#include "storage/layout.h"
#include "storage/tree.h"
#include "xml/xml.h"

#include <algorithm>

namespace cpi {

namespace {

using container::folder_of;
using container::Mount;

constexpr std::string_view systemd = "/sbin/init";
constexpr std::string_view runit = "/usr/sbin/runsvdir-start";
constexpr unsigned hang_up = 1;
/// glibc's SIGRTMIN+4, which systemd takes as the order to power off.
constexpr unsigned power_off = 38;

Path proc_of(const std::string& pid)
{
    return Path{"/proc"} / pid;
}

std::vector<Mount> mounts_of(Host& host, const std::string& init)
{
    return container::mounts_in(host.read(proc_of(init) / "mountinfo").value_or(""));
}

bool is_mounted(Host& host, const std::string& init, const DiskCid& disk)
{
    return !init.empty() && container::mount_at(mounts_of(host, init), folder_of(disk)).has_value();
}

/// The processes, one a line, that see the block device with these numbers mounted somewhere.
std::string users_of(Host& host, const std::string& device)
{
    const Output found =
        host.run({{"find", "/proc", "-mindepth", "2", "-maxdepth", "2", "-name", "mountinfo", "-exec", "grep",
                   "--files-with-matches", "--no-messages", concat(" ", device, " "), "{}", "+"}});
    return trim(found.out); // its status also tells of processes that ended meanwhile
}

/// Two mounts of one image destroy it.
void require_unused(Host& host, const DiskCid& disk, const Path& image)
{
    const std::string loops =
        run_ok(host, {{"losetup", "--noheadings", "--output", "MAJ:MIN", "--associated", image.native()}});
    for (const auto& loop : split(loops, '\n'))
        if (const std::string device = trim(loop); !device.empty())
            if (const std::string users = users_of(host, device); !users.empty())
                throw Error{ErrorKind::cloud,
                            concat("disk ", disk.str(),
                                   " is still mounted, as these show: ", join(split(users, '\n'), ", "),
                                   ". Try: end what uses it, then try again")};
}

/// The numbers of a device, as mknod takes them.
std::vector<std::string> numbers_of(Host& host, const std::string& device)
{
    const std::string numbers =
        trim(run_ok(host, {{"losetup", "--noheadings", "--output", "MAJ:MIN", device}}));
    return split(numbers, ':');
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

void LxcMachines::make_ready(const VmCid& vm)
{
    tree::make_ready(host(), layout().of(vm) / file_name::container);
}

void LxcMachines::create(const DomainSpec& spec)
{
    DomainSpec container = spec;
    container.init = host().info(spec.root.file / runit.substr(1)) ? runit : systemd;
    if (container.ephemeral)
        container.ephemeral->file = link_to(spec.name, container.ephemeral->file);
    LibvirtMachines::create(container);
    keep_macs(VmCid{spec.name});
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

Path LxcMachines::link_to(std::string_view name, const Path& image)
{
    constexpr std::size_t longest = 63; // in the kernel's record of a loop device, which libvirt fills in
    Path link = layout().links() / name;
    if (link.native().size() > longest)
        throw Error{ErrorKind::not_supported,
                    concat("store_dir '", layout().root().native(), "' is too long for containers by ",
                           link.native().size() - longest, " characters")};
    host().make_directory(layout().links());
    if (!host().target_of(link))
        host().point(link, image);
    return link;
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
        tree::release(host(), folder / file_name::container);
    host().discard(layout().links() / vm.str());
    return was_there;
}

std::vector<DiskCid> LxcMachines::persistent_disks(const VmCid& vm)
{
    std::vector<DiskCid> disks;
    for (const auto& disk : container::disks_in(libvirt().domain_xml(name_of(vm), Definition::inactive)))
        disks.push_back(disk.cid);
    return disks;
}

bool LxcMachines::has_disk(const VmCid& vm, const DiskCid& disk)
{
    if (!exists(vm))
        return false;
    return container::find_disk(libvirt().domain_xml(name_of(vm), Definition::inactive), disk).has_value() ||
           uses(vm, disk);
}

bool LxcMachines::uses(const VmCid& vm, const DiskCid& disk)
{
    return is_mounted(host(), init_of(vm), disk);
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

void LxcMachines::mount(const std::string& init, const DiskCid& disk, const Path& image)
{
    const Path root = proc_of(init) / "root";
    const std::string node = concat("dev/.", disk.str());
    tree::make_folder_within(host(), root / std::string{container::disks_folder.substr(1)}, disk.str());
    const std::string loop = trim(run_ok(host(), {{"losetup", "--find", "--show", image.native()}}));
    Undo undo{log()};
    // A device in use is freed as soon as it is not: when the container lets go of it or ends.
    undo.add(concat("free ", loop), [&] { run_ok(host(), {{"losetup", "--detach", loop}}); });
    const auto numbers = numbers_of(host(), loop);
    // The container sees the device just as long as it takes to mount it.
    undo.add(concat("remove ", node), [&] { host().discard(root / node); });
    run_ok(host(), {{"mknod", "--mode=600", (root / node).native(), "b", numbers.front(), numbers.back()}});
    run_ok(host(), {{"mount", "--namespace", init, "-t", "ext4", concat("/", node), folder_of(disk)}});
}

DiskHint LxcMachines::attach(const VmCid& vm, const DiskCid& disk, const DiskSpec& spec)
{
    const std::string init = init_of(vm);
    const bool is_there = is_mounted(host(), init, disk);
    if (!is_there)
        require_unused(host(), disk, spec.file);
    const std::string definition = libvirt().domain_xml(name_of(vm), Definition::inactive);
    if (!container::find_disk(definition, disk))
        define(vm, container::with_disk(definition, disk, link_to(disk.str(), spec.file)));
    if (!init.empty() && !is_there)
        mount(init, disk, spec.file);
    return {.path = folder_of(disk)};
}

void LxcMachines::unmount(const VmCid& vm, const std::string& init, const DiskCid& disk)
{
    const auto mounts = mounts_of(host(), init);
    const auto mount = container::mount_at(mounts, folder_of(disk));
    if (!mount)
        return;
    const std::string doing = concat("detaching disk ", disk.str(), " from VM ", vm.str());
    for (const Mount& other : mounts)
        if (other.device == mount->device && other.place != mount->place)
            throw Error{ErrorKind::cloud, concat(doing, ": the container has it mounted on ", other.place,
                                                 ". Try: unmount that in the container, then detach again")};
    while_doing(doing, [&] { run_ok(host(), {{"umount", "--namespace", init, folder_of(disk)}}); });
    constexpr std::chrono::seconds patience{30};
    std::string users;
    if (!wait_until(Deadline{patience}, [&] {
            users = users_of(host(), mount->device);
            return users.empty();
        }))
        throw Error{ErrorKind::cloud, concat(doing, ": it is still mounted after ", patience.count(),
                                             " s, as these show: ", join(split(users, '\n'), ", "))};
}

bool LxcMachines::detach(const VmCid& vm, const DiskCid& disk)
{
    if (!has_disk(vm, disk))
        return false;
    const std::string init = init_of(vm);
    if (!init.empty())
        unmount(vm, init, disk);
    define(vm, container::without_disk(libvirt().domain_xml(name_of(vm), Definition::inactive), disk));
    host().discard(layout().links() / disk.str());
    return true;
}

bool LxcMachines::resize(const VmCid& vm, const DiskCid& disk, const Path& /*file*/, Mebibytes /*size*/)
{
    if (!uses(vm, disk))
        return false;
    throw Error{ErrorKind::not_supported, concat("disk '", disk.str(), "' is mounted in the container ",
                                                 vm.str(), " and cannot be resized. Try: detach it first")};
}

void LxcMachines::copy_disk(const VmCid& vm, const DiskCid& disk, const DiskSpec& from, const DiskCopy& to)
{
    const Path mounted = concat(proc_of(init_of(vm)).native(), "/root", folder_of(disk));
    run_ok(host(), {{"fsfreeze", "--freeze", mounted.native()}});
    Undo undo{log()};
    undo.add(concat("let the container ", vm.str(), " write again"), [&] {
        run_ok(host(), {{"fsfreeze", "--unfreeze", mounted.native()}});
    });
    host().copy(from.file, to.file);
}

void LxcMachines::abandon_copy(const VmCid& vm, const DiskCid& disk, const std::string& /*mark*/)
{
    if (!exists(vm) || !uses(vm, disk))
        return;
    const Path mounted = concat(proc_of(init_of(vm)).native(), "/root", folder_of(disk));
    // It fails where nothing is frozen.
    static_cast<void>(host().run({{"fsfreeze", "--unfreeze", mounted.native()}}));
}

} // namespace cpi
