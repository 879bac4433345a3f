#include "virt/connection.h"
#include "xml/xml.h"

namespace cpi {

namespace {

unsigned affect_flags(Reach reach)
{
    switch (reach) {
    case Reach::config: return VIR_DOMAIN_AFFECT_CONFIG;
    case Reach::live: return VIR_DOMAIN_AFFECT_LIVE;
    case Reach::live_and_config: break;
    }
    return VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_AFFECT_LIVE;
}

} // namespace

virDomainPtr Libvirt::Connection::find_domain(const std::string& name) const
{
    DomainPtr& known = domains[name];
    known.reset(run({concat("looking up VM ", name), concat("dominfo ", name), short_call, VIR_ERR_NO_DOMAIN},
                    [&] { return libvirt_api().virDomainLookupByName(handle.get(), name.c_str()); }));
    return known.get();
}

virDomainPtr Libvirt::Connection::get_domain(const std::string& name) const
{
    const auto known = domains.find(name);
    virDomainPtr domain = known != domains.end() && known->second ? known->second.get() : find_domain(name);
    if (domain == nullptr)
        throw Error{ErrorKind::vm_not_found, concat("VM '", name, "' not found")};
    return domain;
}

bool Libvirt::Connection::is_suspended(virDomainPtr domain, const std::string& name) const
{
    int state = VIR_DOMAIN_NOSTATE;
    run({concat("asking what VM ", name, " does"), concat("domstate ", name)},
        [&] { return libvirt_api().virDomainGetState(domain, &state, nullptr, 0); });
    return state == VIR_DOMAIN_PAUSED;
}

std::vector<std::string> Libvirt::domain_names()
{
    const Step step{"listing VMs", "list --all"};
    std::vector<std::string> names;
    for (const DomainPtr& domain : connection().list<DomainPtr>(step, libvirt_api().virConnectListAllDomains))
        names.emplace_back(libvirt_api().virDomainGetName(domain.get()));
    return names;
}

bool Libvirt::domain_exists(const std::string& name)
{
    return connection().find_domain(name) != nullptr;
}

DomainState Libvirt::domain_state(const std::string& name)
{
    const int active =
        connection().on_domain(name, {concat("asking whether VM ", name, " runs"), concat("domstate ", name)},
                               libvirt_api().virDomainIsActive);
    return active == 1 ? DomainState::running : DomainState::off;
}

std::string Libvirt::domain_xml(const std::string& name, Definition definition)
{
    const unsigned flags =
        definition == Definition::inactive ? static_cast<unsigned>(VIR_DOMAIN_XML_INACTIVE) : 0U;
    const CString xml{connection().on_domain(
        name, {concat("reading the definition of VM ", name), concat("dumpxml ", name)},
        [flags](virDomainPtr domain) { return libvirt_api().virDomainGetXMLDesc(domain, flags); })};
    return xml.get();
}

void Libvirt::define_domain(const std::string& name, const std::string& xml, const std::string& advice)
{
    const Connection& libvirt = connection();
    libvirt.domains[name].reset(libvirt.run(
        {concat("defining VM ", name), "define FILE, with the definition that the log shows", long_call,
         VIR_ERR_OK, advice},
        [&] { return libvirt_api().virDomainDefineXMLFlags(libvirt.handle.get(), xml.c_str(), 0); }));
}

void Libvirt::start_domain(const std::string& name, const std::string& advice)
{
    connection().on_domain(
        name, {concat("starting VM ", name), concat("start ", name), long_call, VIR_ERR_OK, advice},
        libvirt_api().virDomainCreate);
}

void Libvirt::shut_down_domain(const std::string& name)
{
    connection().on_domain(
        name,
        {concat("asking VM ", name, " to shut down"), concat("shutdown ", name), short_call,
         VIR_ERR_OPERATION_INVALID},
        [](virDomainPtr domain) { return libvirt_api().virDomainShutdownFlags(domain, 0); });
}

void Libvirt::signal_domain(const std::string& name, unsigned signal)
{
    connection().on_domain(name,
                           {concat("signalling VM ", name),
                            concat("send-process-signal ", name, " 1 ", signal), short_call,
                            VIR_ERR_OPERATION_INVALID},
                           [signal](virDomainPtr domain) {
                               return libvirt_api().virDomainSendProcessSignal(domain, 1, signal, 0);
                           });
}

bool Libvirt::suspend_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    virDomainPtr domain = libvirt.get_domain(name);
    if (libvirt.is_suspended(domain, name))
        return false;
    libvirt.run({concat("suspending VM ", name), concat("suspend ", name)},
                [&] { return libvirt_api().virDomainSuspend(domain); });
    return true;
}

bool Libvirt::resume_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    virDomainPtr domain = libvirt.get_domain(name);
    if (!libvirt.is_suspended(domain, name))
        return false;
    libvirt.run({concat("resuming VM ", name), concat("resume ", name)},
                [&] { return libvirt_api().virDomainResume(domain); });
    return true;
}

void Libvirt::destroy_domain(const std::string& name)
{
    const Connection& libvirt = connection();
    virDomainPtr domain = libvirt.get_domain(name);
    // It may have ended by itself.
    const Step step{concat("stopping VM ", name), concat("destroy ", name), long_call,
                    VIR_ERR_OPERATION_INVALID};
    const auto destroy = [&] {
        libvirt.run(step, [&] { return libvirt_api().virDomainDestroyFlags(domain, 0); });
    };
    // Where one of many processes ends just then, libvirt's lxc driver gives up half-way.
    constexpr std::chrono::seconds patience{20};
    const bool done = wait_until(Deadline{patience}, [&] {
        try {
            destroy();
            return true;
        } catch (const Error&) {
            const int active = libvirt_api().virDomainIsActive(domain);
            if (active < 0)
                throw;
            return active == 0;
        }
    });
    if (!done)
        destroy();
}

void Libvirt::undefine_domain(const std::string& name, unsigned flags)
{
    Connection& libvirt = connection();
    libvirt.on_domain(
        name,
        {concat("undefining VM ", name), concat("undefine --nvram ", name), short_call, VIR_ERR_NO_DOMAIN},
        [flags](virDomainPtr domain) { return libvirt_api().virDomainUndefineFlags(domain, flags); });
    libvirt.domains.erase(name); // another one may get its name
}

void Libvirt::attach_device(const std::string& name, const std::string& device_xml, Reach reach)
{
    connection().on_domain(
        name,
        {concat("attaching a device to VM ", name),
         concat("attach-device ", name, " FILE --persistent, with the device that the log shows"), long_call},
        [&](virDomainPtr domain) {
            return libvirt_api().virDomainAttachDeviceFlags(domain, device_xml.c_str(), affect_flags(reach));
        });
}

void Libvirt::detach_device(const std::string& name, const std::string& device_xml, Reach reach)
{
    connection().on_domain(
        name,
        {concat("detaching a device from VM ", name),
         concat("detach-device ", name, " FILE --persistent, with the device that the log shows"), long_call,
         VIR_ERR_DEVICE_MISSING},
        [&](virDomainPtr domain) {
            return libvirt_api().virDomainDetachDeviceFlags(domain, device_xml.c_str(), affect_flags(reach));
        });
}

void Libvirt::grow_disk(const std::string& name, const std::string& file, std::uint64_t bytes)
{
    constexpr unsigned long knows_extend = 12'003'000;
    constexpr unsigned extend = 1U << 2U; // VIR_DOMAIN_BLOCK_RESIZE_EXTEND, which older headers do not have
    const unsigned flags = VIR_DOMAIN_BLOCK_RESIZE_BYTES | (version() >= knows_extend ? extend : 0U);
    connection().on_domain(name,
                           {concat("resizing ", file, " of VM ", name),
                            concat("blockresize ", name, " ", shell_quote(file), " ", bytes, "b"), long_call},
                           [&](virDomainPtr domain) {
                               return libvirt_api().virDomainBlockResize(domain, file.c_str(), bytes, flags);
                           });
}

std::uint64_t Libvirt::disk_size(const std::string& name, const std::string& target)
{
    virDomainBlockInfo info{};
    connection().on_domain(name,
                           {concat("asking for the size of disk ", target, " of VM ", name),
                            concat("domblkinfo ", name, " ", target)},
                           [&](virDomainPtr domain) {
                               return libvirt_api().virDomainGetBlockInfo(domain, target.c_str(), &info, 0);
                           });
    return info.capacity;
}

void Libvirt::autostart_domain(const std::string& name)
{
    connection().on_domain(
        name, {concat("letting VM ", name, " start with the host"), concat("autostart ", name)},
        [](virDomainPtr domain) { return libvirt_api().virDomainSetAutostart(domain, 1); });
}

void Libvirt::annotate_domain(const std::string& name, const Annotation& annotation)
{
    const Connection& libvirt = connection();
    virDomainPtr domain = libvirt.get_domain(name);
    const Step step{concat("setting the metadata of VM ", name),
                    concat("metadata ", name, " ", annotation.xml_namespace)};
    const int active = libvirt.run(step, [&] { return libvirt_api().virDomainIsActive(domain); });
    const unsigned flags = affect_flags(active == 1 ? Reach::live_and_config : Reach::config);
    const auto set = [&](int type, const std::string& value, const char* prefix, const char* xml_namespace) {
        libvirt.run(step, [&] {
            return libvirt_api().virDomainSetMetadata(domain, type, value.c_str(), prefix, xml_namespace,
                                                      flags);
        });
    };
    set(VIR_DOMAIN_METADATA_TITLE, annotation.title, nullptr, nullptr);
    set(VIR_DOMAIN_METADATA_DESCRIPTION, annotation.description, nullptr, nullptr);
    set(VIR_DOMAIN_METADATA_ELEMENT, annotation.element, annotation.prefix.c_str(),
        annotation.xml_namespace.c_str());
}

} // namespace cpi
