#include "vbox/vbox_machines.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/undo.h"

#include <algorithm>
#include <array>

namespace cpi {

namespace {

using vbox::uuid_of;
using vbox::VmInfo;
using vbox::While;

constexpr std::string_view hard_disk = "disk";
constexpr std::string_view dvd = "dvd";
constexpr const char* tags_key = "libvirt-cpi/tags";

bool is_off(const VmInfo& vm)
{
    constexpr std::array<std::string_view, 2> states{"poweroff", "aborted"};
    return std::ranges::find(states, vm.state) != states.end();
}

/// Its memory is in a file, and it goes on from there when it is started.
bool is_suspended(const VmInfo& vm)
{
    constexpr std::array<std::string_view, 2> states{"saved", "aborted-saved"};
    return std::ranges::find(states, vm.state) != states.end();
}

Error not_found(const VmCid& vm)
{
    return Error{ErrorKind::vm_not_found, concat("VM '", vm.str(), "' not found in VirtualBox")};
}

const vbox::Attached* find_disk(const VmInfo& vm, const DiskCid& disk)
{
    const auto found = std::ranges::find(vm.disks, disk, &vbox::Attached::disk);
    return found == vm.disks.end() ? nullptr : &*found;
}

} // namespace

/// By what VirtualBox answers without asking the VM's process, which may hang.
VboxMachines::Existence VboxMachines::look_for(const VmCid& vm)
{
    if (!vm.is_ours())
        return Existence::none;
    const auto answer = vbox_.ask({"getextradata", uuid_of(vm), tags_key});
    if (answer.status == 0)
        return Existence::usable;
    if (answer.code == VBoxManage::not_found)
        return Existence::none;
    if (answer.code == VBoxManage::no_access)
        return Existence::unreadable;
    throw Error{ErrorKind::cloud, concat("looking for VM ", vm.str(), ": VBoxManage: ", answer.complaint)};
}

VBoxManage::Answer VboxMachines::ask_for(const VmCid& vm)
{
    auto answer = vbox_.ask({"showvminfo", uuid_of(vm), "--machinereadable"});
    if (!vm.is_ours() || answer.code == VBoxManage::not_found)
        throw not_found(vm);
    return answer;
}

VmInfo VboxMachines::require(const VmCid& vm)
{
    const auto answer = ask_for(vm);
    VmInfo found = vbox::read_info(answer.out);
    if (answer.status != 0 || found.state.empty())
        throw Error{ErrorKind::cloud,
                    concat("VirtualBox cannot read the settings of VM ", vm.str(), ": ", answer.complaint)};
    return found;
}

VmInfo VboxMachines::require_awake(const VmCid& vm)
{
    VmInfo found = require(vm);
    if (!is_suspended(found))
        return found;
    log_.warning(concat("VM ", vm.str(), " is suspended, and goes on now"));
    start(vm);
    return require(vm);
}

bool VboxMachines::exists(const VmCid& vm)
{
    return look_for(vm) != Existence::none;
}

void VboxMachines::start(const VmCid& vm)
{
    vbox_.run({"startvm", uuid_of(vm), "--type", "headless"}, VBoxManage::long_patience);
}

void VboxMachines::create(const DomainSpec& spec)
{
    for (const auto& call : vbox::creation(spec))
        vbox_.run(call);
    start(VmCid{spec.name});
    if (spec.autostart)
        host_.publish(layout_.of(VmCid{spec.name}) / file_name::autostart, "", Access::owner);
}

bool VboxMachines::wait_until_off(const VmCid& vm, std::chrono::seconds patience)
{
    // While a VM's process ends, VirtualBox may fail to say what it does.
    return wait_until(Deadline{patience}, [&] {
        const VmInfo now = vbox::read_info(ask_for(vm).out);
        if (is_suspended(now))
            vbox_.run({"discardstate", uuid_of(vm)});
        return is_off(now);
    });
}

bool VboxMachines::control(const VmCid& vm, const std::string& verb)
{
    try {
        const auto answer = vbox_.ask({"controlvm", uuid_of(vm), verb});
        if (answer.status != 0)
            log_.info(concat("VM ", vm.str(), ", ", verb, ": ", answer.complaint));
        return answer.status == 0;
    } catch (const Error& error) {
        check_interrupt();
        log_.warning(concat("VM ", vm.str(), " is ended by force: ", error.what()));
        vbox_.run({"startvm", uuid_of(vm), "--type", "emergencystop"}, VBoxManage::long_patience);
        return false;
    }
}

void VboxMachines::power_off(const VmCid& vm)
{
    constexpr std::chrono::seconds patience{60};
    control(vm, "poweroff"); // of a VM that is off, it fails
    if (!wait_until_off(vm, patience))
        throw Error{ErrorKind::cloud,
                    concat("VM ", vm.str(), " did not stop within ", patience.count(),
                           " s. Try: VBoxManage startvm ", uuid_of(vm), " --type emergencystop")};
}

void VboxMachines::forget(std::string_view kind, const Path& image)
{
    // It fails for one that VirtualBox does not know, and for one that it knows a VM to have.
    const auto answer = vbox_.ask({"closemedium", std::string{kind}, image.native()});
    if (answer.status != 0)
        log_.info(concat("VirtualBox goes on with ", image.native(), ": ", answer.complaint));
}

/// VirtualBox's own way of deleting a VM would delete the persistent disks that it has.
bool VboxMachines::remove(const VmCid& vm)
{
    const Existence found = look_for(vm);
    if (found == Existence::usable) {
        power_off(vm);
        for (const auto& [disk, image, port] : require(vm).disks) {
            vbox_.run(vbox::detachment(uuid_of(vm), port));
            forget(hard_disk, image);
        }
    }
    if (found != Existence::none)
        vbox_.run({"unregistervm", uuid_of(vm)});
    const Path folder = layout_.of(vm);
    if (host_.info(folder / file_name::settings))
        forget(dvd, folder / file_name::settings);
    for (const auto& image : {file_name::root(vbox::image_format), file_name::ephemeral(vbox::image_format)})
        if (host_.info(folder / image))
            forget(hard_disk, folder / image);
    return found != Existence::none;
}

void VboxMachines::reboot(const VmCid& vm, std::chrono::seconds patience)
{
    if (!exists(vm))
        throw not_found(vm);
    if (control(vm, "acpipowerbutton") && !wait_until_off(vm, patience))
        log_.warning(concat("VM ", vm.str(), " did not shut down within ", patience.count(),
                            " s and is switched off"));
    power_off(vm);
    start(vm);
}

void VboxMachines::annotate(const VmCid& vm, const std::map<std::string, std::string>& tags)
{
    if (!exists(vm))
        throw not_found(vm);
    std::vector<std::string> words{"setextradata", uuid_of(vm), tags_key};
    if (const std::string text = text_of(tags); !text.empty())
        words.push_back(text);
    vbox_.run(words);
}

std::vector<DiskCid> VboxMachines::persistent_disks(const VmCid& vm)
{
    std::vector<DiskCid> disks;
    for (const auto& attached : require(vm).disks)
        disks.push_back(attached.disk);
    return disks;
}

bool VboxMachines::has_disk(const VmCid& vm, const DiskCid& disk)
{
    return exists(vm) && find_disk(require(vm), disk) != nullptr;
}

bool VboxMachines::uses(const VmCid& vm, const DiskCid& disk)
{
    const VmInfo found = require(vm);
    return !is_off(found) && find_disk(found, disk) != nullptr;
}

DiskHint VboxMachines::attach(const VmCid& vm, const DiskCid& disk, const DiskSpec& spec)
{
    const VmInfo now = require_awake(vm);
    if (find_disk(now, disk) != nullptr)
        return vbox::hint(spec);
    if (now.free_ports.empty())
        throw Error{ErrorKind::cloud,
                    concat("VM ", vm.str(), " has no room for another disk: it has ", now.disks.size())};
    // What VirtualBox may know of it is of the past: the image can have become another one.
    forget(hard_disk, spec.file);
    if (vbox::uuid_in(host_.read_start(spec.file, vbox::header_bytes).value_or("")) != uuid_of(spec))
        vbox_.run(vbox::give_uuid(spec));
    vbox_.run(vbox::attachment(uuid_of(vm), spec.file, now.free_ports.front(),
                               is_off(now) ? While::off : While::running));
    return vbox::hint(spec);
}

bool VboxMachines::detach(const VmCid& vm, const DiskCid& disk)
{
    const VmInfo now = require_awake(vm);
    const vbox::Attached* attached = find_disk(now, disk);
    if (attached == nullptr)
        return false;
    vbox_.run(vbox::detachment(uuid_of(vm), attached->port));
    forget(hard_disk, attached->image);
    return true;
}

bool VboxMachines::resize(const VmCid& vm, const DiskCid& disk, const Path& /*file*/, Mebibytes /*size*/)
{
    if (!has_disk(vm, disk))
        return false;
    throw Error{ErrorKind::not_supported, concat("disk '", disk.str(), "' is attached to VM '", vm.str(),
                                                 "', and VirtualBox does not resize it there. Try: detach it "
                                                 "first")};
}

/// Suspending makes VirtualBox write out all that the guest has written.
void VboxMachines::copy_disk(const VmCid& vm, const DiskCid& /*disk*/, const DiskSpec& from,
                             const DiskCopy& to)
{
    const bool runs = !is_suspended(require(vm));
    Undo undo{log_};
    undo.add(concat("let VM ", vm.str(), " go on"), [&] { static_cast<void>(require_awake(vm)); });
    if (runs)
        vbox_.run({"controlvm", uuid_of(vm), "savestate"}, VBoxManage::long_patience);
    host_.copy(from.file, to.file);
    undo.keep();
    start(vm);
}

void VboxMachines::abandon_copy(const VmCid& vm, const DiskCid& /*disk*/, const std::string& /*mark*/)
{
    if (exists(vm))
        static_cast<void>(require_awake(vm));
}

} // namespace cpi
