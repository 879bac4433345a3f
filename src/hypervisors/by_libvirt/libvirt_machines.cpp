#include "by_libvirt/libvirt_machines.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "records/layout.h"
#include "volumes/image.h"
#include "xml/xml.h"

#include <algorithm>

namespace cpi {

namespace {

constexpr std::string_view tags_namespace = "urn:libvirt-cpi:tags:1";

/// libvirt has no error code for "the accelerator does not work here"; its messages all name it.
bool blames(const Error& error, std::string_view domain_type)
{
    return lower(error.cause()).find(domain_type) != std::string::npos;
}

/// Names the property that is at fault, where libvirt's words do not.
void explain(Error& error, const DomainSpec& spec)
{
    if (error.cause().find("Cannot allocate memory") != std::string::npos)
        error.add_advice(
            concat("; a smaller 'memory' in its cloud properties, now ", spec.hardware.memory.value, " MiB"));
}

std::string tags_element(const std::map<std::string, std::string>& tags)
{
    const xml::Document document{"tags"};
    for (const auto& [key, value] : tags)
        document.root().add("tag", value).set("key", key);
    return document.to_text();
}

/// libvirt adds and removes these while a VM runs.
bool comes_and_goes(const std::string& disk_xml)
{
    const std::string bus = target_of_disk(disk_xml).bus;
    return bus == "scsi" || bus == "xen";
}

} // namespace

const std::string& name_of(const VmCid& vm)
{
    if (!vm.is_ours())
        throw Error{ErrorKind::vm_not_found,
                    concat("VM '", vm.str(), "' not found: the CPI names its VMs 'vm-…'")};
    return vm.str();
}

/// What a VM has while it runs, and what it will have when it starts again.
struct LibvirtMachines::Definitions {
    DomainState state = DomainState::off;
    std::string live; // the same as `inactive` when the VM is off
    std::string inactive;
};

bool LibvirtMachines::exists(const VmCid& vm)
{
    return vm.is_ours() && libvirt_.domain_exists(vm.str());
}

std::vector<VmCid> LibvirtMachines::strays(const std::function<bool(const VmCid&)>& has_files)
{
    std::vector<VmCid> found;
    for (const std::string& name : libvirt_.domain_names()) {
        if (!VmCid::is_one(name) || !name.starts_with(VmCid::prefix) || has_files(VmCid{name}))
            continue;
        const VmCid vm{name};
        const std::string definition = libvirt_.domain_xml(name, Definition::inactive);
        if (definition.find(tags_namespace) == std::string::npos && lives_in(definition, layout_.of(vm)))
            found.push_back(vm);
    }
    return found;
}

std::vector<std::string_view> LibvirtMachines::domain_types(Acceleration acceleration) const
{
    const auto& all = machinery_.domain_types;
    switch (acceleration) {
    case Acceleration::kvm: return {all.front()};
    case Acceleration::emulation: return {all.back()};
    case Acceleration::automatic: break;
    }
    return {all.begin(), all.end()};
}

/// What can be looked at when the VM that could not be created is removed again.
std::string LibvirtMachines::what_stays_of(const std::string& vm) const
{
    return concat("the definition, in the log (bosh task N --cpi); on the hypervisor's host ",
                  machinery_.log_folder, "/", vm, ".log, and journalctl -u libvirtd");
}

void LibvirtMachines::create(const DomainSpec& spec)
{
    define_and_start(spec);
    // Last: a VM that never ran does not start with the host.
    if (spec.autostart)
        libvirt_.autostart_domain(spec.name);
}

void LibvirtMachines::define_and_start(const DomainSpec& spec)
{
    const auto types = domain_types(spec.acceleration);
    const std::string advice = what_stays_of(spec.name);
    for (const auto& type : types) {
        const std::string xml = machinery_.domain_xml(spec, type);
        try {
            libvirt_.define_domain(spec.name, xml, advice);
            libvirt_.start_domain(spec.name, advice);
            return;
        } catch (Error& error) {
            if (type == types.back() || !blames(error, type)) {
                log_.info(concat("the definition that failed: ", xml));
                explain(error, spec);
                throw;
            }
            log_.warning(
                concat(type, " does not work on this host, the VM runs without it: ", error.cause()));
            remove(VmCid{spec.name});
        }
    }
}

bool LibvirtMachines::remove(const VmCid& vm)
{
    if (!exists(vm))
        return false;
    libvirt_.destroy_domain(name_of(vm));
    // What is left of a VM that has just ended by itself may stay for a moment, as one without a definition.
    constexpr std::chrono::seconds patience{20};
    const auto is_gone = [&] { return !exists(vm); };
    try {
        libvirt_.undefine_domain(name_of(vm), machinery_.undefine_flags);
    } catch (const Error&) {
        if (!wait_until(Deadline{patience}, is_gone))
            throw;
    }
    if (!wait_until(Deadline{patience}, is_gone))
        throw Error{ErrorKind::cloud, concat("removing VM ", vm.str(), ": libvirt still has it after ",
                                             patience.count(), " s. Try: delete it again")};
    return true;
}

void LibvirtMachines::reboot(const VmCid& vm, std::chrono::seconds patience)
{
    const auto is_off = [&] { return libvirt_.domain_state(name_of(vm)) == DomainState::off; };
    if (!is_off()) {
        try {
            ask_to_stop(vm);
        } catch (const Error& error) {
            log_.warning(error.what());
        }
        if (!wait_until(Deadline{patience}, is_off)) {
            log_.warning(concat("VM ", vm.str(), " did not shut down within ", patience.count(),
                                " s and is switched off"));
            libvirt_.destroy_domain(name_of(vm));
        }
    }
    make_ready(vm);
    libvirt_.start_domain(name_of(vm));
}

void LibvirtMachines::ask_to_stop(const VmCid& vm)
{
    libvirt_.shut_down_domain(name_of(vm));
}

void LibvirtMachines::annotate(const VmCid& vm, const std::map<std::string, std::string>& tags)
{
    const auto name = tags.find("name");
    const std::string title = one_line(name == tags.end() ? vm.str() : name->second);
    libvirt_.annotate_domain(name_of(vm), {.title = printable_utf8(title),
                                           .description = text_of(tags),
                                           .element = tags_element(tags),
                                           .prefix = "cpi",
                                           .xml_namespace = std::string{tags_namespace}});
}

LibvirtMachines::Definitions LibvirtMachines::definitions(const VmCid& vm)
{
    Definitions found;
    found.state = libvirt_.domain_state(name_of(vm));
    found.inactive = libvirt_.domain_xml(name_of(vm), Definition::inactive);
    found.live = found.state == DomainState::running ? libvirt_.domain_xml(name_of(vm), Definition::live)
                                                     : found.inactive;
    return found;
}

void LibvirtMachines::restart(const VmCid& vm)
{
    constexpr std::chrono::hours turn{1};
    constexpr std::chrono::seconds patience{30};
    const auto lock = host_.lock(standstill_lock(vm), Deadline{turn});
    const Path mark = layout_.of(vm) / file_name::comes_back;
    host_.publish(mark, "", Access::owner);
    reboot(vm, patience);
    host_.discard(mark);
}

LibvirtMachines::Definitions LibvirtMachines::awake_definitions(const VmCid& vm)
{
    Definitions found = definitions(vm);
    if (found.state == DomainState::running || !host_.info(layout_.of(vm) / file_name::comes_back))
        return found;
    log_.warning(concat("VM ", vm.str(), " was switched off by a call that did not end, and starts"));
    restart(vm);
    return definitions(vm);
}

std::vector<DiskCid> LibvirtMachines::persistent_disks(const VmCid& vm)
{
    std::vector<DiskCid> disks;
    for (const auto& disk : disks_with_serials(libvirt_.domain_xml(name_of(vm), Definition::live)))
        if (disk.serial.starts_with(DiskTag::prefix))
            disks.emplace_back(disk.serial);
    return disks;
}

DiskHint LibvirtMachines::attach(const VmCid& vm, const DiskCid& disk, const DiskSpec& spec)
{
    try {
        return machinery_.hint(spec, attach_where_missing(vm, disk, spec));
    } catch (const Error&) {
        // What a killed call has asked for may have come to pass meanwhile, and be what is in the way.
        if (!has_disk(vm, disk))
            throw;
        return machinery_.hint(spec, attach_where_missing(vm, disk, spec));
    }
}

DiskTarget LibvirtMachines::attach_where_missing(const VmCid& vm, const DiskCid& disk, DiskSpec spec)
{
    const Definitions now = awake_definitions(vm);
    const auto live = find_disk(now.live, disk.str());
    const auto inactive = find_disk(now.inactive, disk.str());
    if (live && inactive)
        return target_of_disk(live->device_xml);

    if (!machinery_.notices_missing_images && !host_.info(spec.file))
        throw Error{ErrorKind::cloud, concat("attaching disk ", disk.str(), " to VM ", vm.str(),
                                             ": its image ", spec.file.native(), " is not there")};
    std::set<unsigned> used = machinery_.used_positions(now.live, spec.bus);
    used.merge(machinery_.used_positions(now.inactive, spec.bus));
    spec.position = machinery_.free_position(used, spec);
    // A call that was killed may have left the disk in one of the two only.
    const std::string device = live       ? live->device_xml
                               : inactive ? inactive->device_xml
                                          : machinery_.disk_xml(spec);
    const bool needs_restart = now.state == DomainState::running && !live && !comes_and_goes(device);
    const Reach reach = now.state == DomainState::off || live || needs_restart ? Reach::config
                        : inactive                                             ? Reach::live
                                                                               : Reach::live_and_config;
    if (!inactive || !needs_restart)
        attach_device(vm, device, reach);
    if (needs_restart)
        restart(vm);
    return target_of_disk(device);
}

void LibvirtMachines::attach_device(const VmCid& vm, const std::string& device, Reach reach)
{
    try {
        libvirt_.attach_device(name_of(vm), device, reach);
    } catch (const Error&) {
        log_.info(concat("the device that failed: ", device));
        throw;
    }
}

bool LibvirtMachines::detach(const VmCid& vm, const DiskCid& disk)
{
    const Definitions before = awake_definitions(vm);
    const bool running = before.state == DomainState::running;
    const auto inactive = find_disk(before.inactive, disk.str());
    const auto live = running ? find_disk(before.live, disk.str()) : std::nullopt;
    if (!inactive && !live)
        return false;
    if (inactive)
        libvirt_.detach_device(name_of(vm), inactive->device_xml, Reach::config);
    if (!live)
        return true;
    if (comes_and_goes(live->device_xml))
        detach_from_guest(vm, disk, live->device_xml);
    else
        restart(vm);
    return true;
}

void LibvirtMachines::detach_from_guest(const VmCid& vm, const DiskCid& disk, const std::string& device)
{
    libvirt_.detach_device(name_of(vm), device, Reach::live);
    constexpr std::chrono::seconds patience{60};
    const bool gone = wait_until(Deadline{patience}, [&] {
        return !find_disk(libvirt_.domain_xml(name_of(vm), Definition::live), disk.str());
    });
    if (!gone)
        throw Error{ErrorKind::cloud, concat("detaching disk ", disk.str(), " from VM ", vm.str(),
                                             ": the guest did not let go of it within ", patience.count(),
                                             " s. Try: unmount it in the guest, then detach again")};
}

std::optional<std::string> LibvirtMachines::definition_in_use(const VmCid& vm, const DiskCid& disk)
{
    if (libvirt_.domain_state(name_of(vm)) == DomainState::off)
        return std::nullopt;
    std::string live = libvirt_.domain_xml(name_of(vm), Definition::live);
    return find_disk(live, disk.str()) ? std::optional{std::move(live)} : std::nullopt;
}

bool LibvirtMachines::resize(const VmCid& vm, const DiskCid& disk, const Path& file, Mebibytes size)
{
    const auto definition = definition_in_use(vm, disk);
    if (!definition)
        return false;
    if (!machinery_.resizes_disks_in_use || !comes_and_goes(find_disk(*definition, disk.str())->device_xml))
        throw Error{ErrorKind::not_supported,
                    concat("disk ", disk.str(), " is attached to VM ", vm.str(),
                           ", which would not see its new size. Try: detach it first")};
    // A call that was killed may have made it larger than anybody has written down.
    const std::uint64_t now = libvirt_.disk_size(
        name_of(vm), target_of_disk(find_disk(*definition, disk.str())->device_xml).device);
    if (now > size.bytes())
        throw image::cannot_shrink(concat("disk '", disk.str(), "'"), now, size);
    if (now < size.bytes())
        libvirt_.grow_disk(name_of(vm), file.native(), size.bytes());
    return true;
}

bool LibvirtMachines::uses(const VmCid& vm, const DiskCid& disk)
{
    return definition_in_use(vm, disk).has_value();
}

bool LibvirtMachines::has_disk(const VmCid& vm, const DiskCid& disk)
{
    if (!exists(vm))
        return false;
    const Definitions now = definitions(vm);
    return find_disk(now.live, disk.str()).has_value() || find_disk(now.inactive, disk.str()).has_value();
}

} // namespace cpi
