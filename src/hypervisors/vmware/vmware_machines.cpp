#include "vmware/vmware_machines.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "hypervisor/device_edit.h"
#include "json/json.h"
#include "records/layout.h"
#include "virt/libvirt.h"
#include "vmware/vmware_definition.h"
#include "volumes/image.h"

#include <algorithm>

namespace cpi {

namespace {

/// How a VM comes back that was switched off.
constexpr std::string_view by_start = "start";
constexpr std::string_view by_resume = "resume";

/// A guest that has not shut down by then is switched off.
constexpr std::chrono::seconds usual_patience{60};

/// libvirt writes paths into VMware's file as they are.
void check_store(const Path& store)
{
    constexpr std::string_view awkward = "\"|";
    const std::size_t at = store.native().find_first_of(awkward);
    if (at != std::string::npos)
        throw Error{ErrorKind::not_supported,
                    concat("store_dir '", store.native(), "' has a '", store.native().at(at),
                           "' in it, which VMware's files cannot hold. Try: another folder")};
}

/// libvirt begins with reading the VMX and the log of each VM that runs, which fails while one just starts.
void open_patiently(Libvirt& libvirt)
{
    constexpr std::chrono::seconds patience{15};
    constexpr std::chrono::milliseconds pause{250};
    for (const Deadline deadline{patience};;) {
        try {
            libvirt.open();
            return;
        } catch (const Error& error) {
            if (error.cause().find("Value too large") != std::string::npos)
                throw Error{ErrorKind::cloud,
                            concat(error.what(), ". That VM's file has more than 10,000 bytes, and libvirt "
                                                 "does nothing while it runs. Try: shut that VM down")};
            if (deadline.passed())
                throw;
        }
        static_cast<void>(wait_until(Deadline{pause}, [] { return false; }));
    }
}

std::string json_of(const std::map<std::string, std::string>& tags)
{
    json::Writer out;
    out.begin_object();
    for (const auto& [key, value] : tags)
        out.key(printable_utf8(key)).string(printable_utf8(value));
    return json::pretty(out.end_object().text());
}

/// One line of bounded length, as VMware's files want it.
std::string short_line(std::string text)
{
    constexpr std::size_t longest = 600;
    text.resize(std::min(text.size(), longest));
    return printable_utf8(one_line(std::move(text)));
}

} // namespace

VmwareMachines::VmwareMachines(const Ground& ground)
    : libvirt_{ground.libvirt.address()}, host_{ground.host}, layout_{ground.layout}, log_{ground.log},
      vmrun_{ground.host, ground.libvirt.uri()}
{
    check_store(layout_.root());
}

Path VmwareMachines::file_of(const VmCid& vm, std::string_view name) const
{
    return layout_.of(vm) / name;
}

Path VmwareMachines::vmx_of(const VmCid& vm) const
{
    return file_of(vm, concat(vm.str(), ".vmx")); // where libvirt puts it: beside the VM's first disk
}

std::optional<std::string> VmwareMachines::find_record(const VmCid& vm)
{
    return host_.read(file_of(vm, file_name::domain));
}

std::string VmwareMachines::record_of(const VmCid& vm)
{
    const auto record = find_record(vm);
    if (!record)
        throw Error{ErrorKind::vm_not_found, concat("VM '", vm.str(), "' not found")};
    return *record;
}

void VmwareMachines::keep_record(const VmCid& vm, std::string_view record)
{
    host_.publish(file_of(vm, file_name::domain), record, Access::owner);
}

std::unique_ptr<HeldLock> VmwareMachines::hold(const VmCid& vm)
{
    constexpr std::chrono::hours patience{1}; // of which most is the copying of a disk
    return host_.lock(file_of(vm, file_name::power), Deadline{patience});
}

std::string VmwareMachines::due(const VmCid& vm)
{
    return host_.read(file_of(vm, file_name::comes_back)).value_or("");
}

bool VmwareMachines::is_on(const VmCid& vm)
{
    return !due(vm).empty() || vmrun_.runs(vmx_of(vm));
}

bool VmwareMachines::exists(const VmCid& vm)
{
    return vm.is_ours() && (find_record(vm).has_value() || vmrun_.runs(vmx_of(vm)));
}

void VmwareMachines::wake(const VmCid& vm)
{
    if (due(vm) != by_resume)
        return;
    log_.warning(concat("VM ", vm.str(), " was suspended by a call that did not end, and goes on"));
    try {
        vmrun_.resume(vmx_of(vm));
        host_.discard(file_of(vm, file_name::comes_back));
    } catch (const Error& error) {
        log_.error(concat(error.what(), ". The VM starts anew instead"));
        host_.publish(file_of(vm, file_name::comes_back), by_start, Access::owner);
    }
}

void VmwareMachines::mend(const VmCid& vm)
{
    wake(vm);
    if (due(vm).empty())
        return;
    log_.warning(concat("VM ", vm.str(), " was switched off by a call that did not end, and starts"));
    // It may still run, and be shutting down.
    switch_off(vm, usual_patience);
    start(vm);
}

void VmwareMachines::mend_quietly(const VmCid& vm) noexcept
{
    const ShieldFromInterrupt shield;
    try {
        mend(vm);
    } catch (const std::exception& error) {
        log_.error(error.what());
    }
}

void VmwareMachines::switch_off(const VmCid& vm, std::chrono::seconds patience)
{
    const Path vmx = vmx_of(vm);
    if (!vmrun_.runs(vmx))
        return;
    host_.publish(file_of(vm, file_name::comes_back), by_start, Access::owner);
    if (!vmrun_.stop_softly(vmx, patience)) {
        log_.warning(concat("VM ", vm.str(), " did not shut down when asked and is switched off"));
        vmrun_.stop(vmx);
    }
}

void VmwareMachines::start(const VmCid& vm)
{
    // A connection that is open already does not know what other calls have started and stopped.
    Libvirt libvirt{libvirt_};
    open_patiently(libvirt);
    const std::string record = record_of(vm);
    const std::string definition = vmware::definition_of(record);
    const Path vmx = vmx_of(vm);
    try {
        libvirt.define_domain(vm.str(), definition);
        host_.publish(vmx, vmware::finished_vmx(host_.read(vmx).value_or(""), record), Access::owner);
        start_defined(libvirt, vm);
    } catch (const Error&) {
        log_.info(concat("the definition that failed: ", definition));
        throw;
    }
    host_.discard(file_of(vm, file_name::comes_back));
}

void VmwareMachines::start_defined(Libvirt& libvirt, const VmCid& vm)
{
    constexpr std::size_t first_line = 200; // has the time of the start and the process
    const Path log = file_of(vm, file_name::vmware_log);
    const auto before = host_.read_start(log, first_line);
    try {
        libvirt.start_domain(vm.str());
    } catch (const Error& error) {
        // VMware's program says nothing but that it failed.
        const bool is_logged = host_.read_start(log, first_line) != before;
        const std::string reason = is_logged ? vmware::reason_in(host_.read(log).value_or("")) : "";
        throw Error{error.kind(),
                    concat("starting VM ", vm.str(), ": libvirt says: ", error.cause(),
                           reason.empty() ? "" : concat("; ", log.native(), " says: ", reason),
                           "\nTry: the definition, in the log (bosh task N --cpi); vmrun list"),
                    Retry::no, error.cause()};
    }
}

void VmwareMachines::change(const VmCid& vm, const std::string& before, const std::string& after)
{
    if (!is_on(vm)) {
        keep_record(vm, after);
        return;
    }
    try {
        switch_off(vm, usual_patience);
        keep_record(vm, after);
        start(vm);
    } catch (...) {
        keep_record(vm, before);
        mend_quietly(vm);
        throw;
    }
}

void VmwareMachines::create(const DomainSpec& spec)
{
    const VmCid vm{spec.name};
    const std::string record = vmware::record_of(spec, random_uuid());
    vmware::check_vmx_size(record);
    host_.create(file_of(vm, file_name::power), Access::owner)->finish();
    keep_record(vm, record);
    start(vm);
    if (spec.autostart)
        host_.publish(file_of(vm, file_name::autostart), "", Access::owner);
}

bool VmwareMachines::remove(const VmCid& vm)
{
    if (!exists(vm))
        return false;
    const auto lock = hold(vm);
    wake(vm); // one that is suspended cannot be stopped
    vmrun_.stop(vmx_of(vm));
    host_.discard(file_of(vm, file_name::domain));
    return true;
}

void VmwareMachines::reboot(const VmCid& vm, std::chrono::seconds patience)
{
    const auto lock = hold(vm);
    static_cast<void>(record_of(vm));
    wake(vm);
    switch_off(vm, patience);
    start(vm);
}

void VmwareMachines::annotate(const VmCid& vm, const std::map<std::string, std::string>& tags)
{
    const auto lock = hold(vm);
    const std::string record = record_of(vm);
    const auto name = tags.find("name");
    host_.publish(file_of(vm, file_name::metadata), json_of(tags), Access::owner);
    keep_record(vm,
                vmware::with_description(record, short_line(name == tags.end() ? vm.str() : name->second)));
}

std::vector<DiskCid> VmwareMachines::persistent_disks(const VmCid& vm)
{
    std::vector<DiskCid> disks;
    for (const auto& disk : disks_with_serials(record_of(vm)))
        if (disk.serial.starts_with(DiskTag::prefix))
            disks.emplace_back(disk.serial);
    return disks;
}

bool VmwareMachines::has_disk(const VmCid& vm, const DiskCid& disk)
{
    const auto record = find_record(vm);
    return record && vmware::unit_of(*record, disk.str()).has_value();
}

bool VmwareMachines::uses(const VmCid& vm, const DiskCid& disk)
{
    return has_disk(vm, disk) && is_on(vm);
}

DiskHint VmwareMachines::attach(const VmCid& vm, const DiskCid& disk, const DiskSpec& spec)
{
    const auto lock = hold(vm);
    const std::string record = record_of(vm);
    DiskSpec placed = spec;
    if (const auto unit = vmware::unit_of(record, disk.str())) {
        mend(vm);
        placed.position = *unit;
        return vmware::hint(placed);
    }
    placed.position = vmware::free_unit(record);
    const std::string changed = vmware::with_disk(record, placed);
    vmware::check_vmx_size(changed);
    wake(vm);
    change(vm, record, changed);
    return vmware::hint(placed);
}

bool VmwareMachines::detach(const VmCid& vm, const DiskCid& disk)
{
    const auto lock = hold(vm);
    const std::string record = record_of(vm);
    if (!vmware::unit_of(record, disk.str())) {
        mend(vm);
        return false;
    }
    wake(vm);
    change(vm, record, vmware::without_disk(record, disk.str()));
    return true;
}

bool VmwareMachines::resize(const VmCid& vm, const DiskCid& disk, const Path& /*file*/, Mebibytes /*size*/)
{
    if (uses(vm, disk))
        throw Error{ErrorKind::not_supported,
                    concat("disk '", disk.str(), "' is in use by VM '", vm.str(),
                           "', and VMware's disks grow while they are detached. Try: detach it first")};
    return false;
}

void VmwareMachines::while_suspended(const VmCid& vm, const std::function<void()>& step)
{
    const Path vmx = vmx_of(vm);
    host_.publish(file_of(vm, file_name::comes_back), by_resume, Access::owner);
    try {
        vmrun_.suspend(vmx);
        step();
    } catch (...) {
        mend_quietly(vm);
        throw;
    }
    vmrun_.resume(vmx);
    host_.discard(file_of(vm, file_name::comes_back));
}

void VmwareMachines::while_off(const VmCid& vm, const std::function<void()>& step)
{
    try {
        switch_off(vm, usual_patience);
        step();
    } catch (...) {
        mend_quietly(vm);
        throw;
    }
    start(vm);
}

void VmwareMachines::copy_disk(const VmCid& vm, const DiskCid& /*disk*/, const DiskSpec& from,
                               const DiskCopy& to)
{
    const auto lock = hold(vm);
    mend(vm);
    const auto copy = [&] { image::copy(host_, {from.file, from.format}, to.file); };
    if (!vmrun_.runs(vmx_of(vm)))
        copy();
    else if (vmrun_.can_suspend())
        while_suspended(vm, copy);
    else
        while_off(vm, copy);
}

void VmwareMachines::abandon_copy(const VmCid& vm, const DiskCid& /*disk*/, const std::string& /*mark*/)
{
    // Whoever has the lock is at work, and brings the VM back.
    if (const auto lock = host_.try_lock(file_of(vm, file_name::power)); lock && find_record(vm))
        mend(vm);
}

void VmwareMachines::make_usable(const Nic& nic, AutoEnable /*enable*/,
                                 const std::vector<Subnet>& /*subnets*/)
{
    vmware::check_nic(nic); // VMware's networks are made by its own editor
}

} // namespace cpi
