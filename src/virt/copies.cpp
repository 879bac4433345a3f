#include "virt/connection.h"
#include "xml/xml.h"

namespace cpi {

namespace {

/// A domain has one job at a time.
constexpr std::chrono::hours patience_with_jobs{6};

Step back_up_step(const std::string& name)
{
    return {concat("copying a disk of VM ", name),
            concat("backup-begin ", name, " FILE, with the job that the log shows"), long_call};
}

} // namespace

Libvirt::Connection::Job Libvirt::Connection::job_of(virDomainPtr domain, const Step& step,
                                                     unsigned flags) const
{
    Job job;
    virTypedParameterPtr parameters = nullptr;
    int count = 0;
    run(step,
        [&] { return libvirt_api().virDomainGetJobStats(domain, &job.type, &parameters, &count, flags); });
    const char* error = nullptr;
    libvirt_api().virTypedParamsGetString(parameters, count, VIR_DOMAIN_JOB_ERRMSG, &error);
    job.error = error == nullptr ? "" : error;
    libvirt_api().virTypedParamsFree(parameters, count);
    return job;
}

bool Libvirt::Connection::wait_for_job(virDomainPtr domain, const Step& step,
                                       std::chrono::milliseconds patience) const
{
    return wait_until(Deadline{patience},
                      [&] { return job_of(domain, step, 0).type == VIR_DOMAIN_JOB_NONE; });
}

void Libvirt::Connection::end_job(virDomainPtr domain, const Step& step) const
{
    constexpr std::chrono::minutes patience{1};
    const ShieldFromInterrupt shield;
    libvirt_api().virDomainAbortJob(domain);
    static_cast<void>(wait_for_job(domain, step, patience));
}

bool Libvirt::Connection::has_agent(virDomainPtr domain)
{
    const CString xml{libvirt_api().virDomainGetXMLDesc(domain, 0)};
    if (!xml)
        return false;
    const xml::Document definition = xml::Document::parse(xml.get(), "a VM's definition");
    const auto devices = definition.root().child("devices");
    return devices && std::ranges::any_of(devices->children("channel"), [](const xml::Element& channel) {
               const auto target = channel.child("target");
               return target && target->attribute("name") == "org.qemu.guest_agent.0" &&
                      target->attribute("state") == "connected";
           });
}

bool Libvirt::freeze_file_systems(const std::string& name)
{
    const Connection& libvirt = connection();
    virDomainPtr domain = libvirt.get_domain(name);
    const Step step{concat("asking VM ", name, " to bring its file systems into order"),
                    concat("domfsfreeze ", name)};
    try {
        libvirt.run(step, [&] { return libvirt_api().virDomainFSFreeze(domain, nullptr, 0, 0); });
        return true;
    } catch (const Error& error) {
        if (error.ok_to_retry())
            throw;
        return false;
    }
}

void Libvirt::thaw_file_systems(const std::string& name)
{
    const Connection& libvirt = connection();
    virDomainPtr domain = libvirt.find_domain(name);
    if (domain == nullptr)
        return;
    const Step step{concat("letting VM ", name, " write to its file systems again"),
                    concat("domfsthaw ", name)};
    try {
        libvirt.run(step, [&] { return libvirt_api().virDomainFSThaw(domain, nullptr, 0, 0); });
    } catch (Error& error) {
        // Who has no agent, or is off, is not frozen either; one that is busy may answer later.
        if (!error.ok_to_retry() && !Connection::has_agent(domain))
            return;
        error.allow_retry();
        throw;
    }
}

void Libvirt::begin_back_up(const std::string& name, const std::string& backup_xml)
{
    connection().on_domain(name, back_up_step(name), [&](virDomainPtr domain) {
        return libvirt_api().virDomainBackupBegin(domain, backup_xml.c_str(), nullptr,
                                                  VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL);
    });
}

void Libvirt::await_turn_to_back_up(const std::string& name)
{
    const Connection& libvirt = connection();
    virDomainPtr domain = libvirt.get_domain(name);
    const Step step = back_up_step(name);
    if (!libvirt.wait_for_job(domain, step, patience_with_jobs))
        throw Error{ErrorKind::cloud,
                    concat(step.doing, ": another job is not done after ", patience_with_jobs.count(),
                           " h. Try: ", virsh(concat("domjobabort ", name)))};
}

void Libvirt::finish_back_up(const std::string& name)
{
    const Connection& libvirt = connection();
    virDomainPtr domain = libvirt.get_domain(name);
    const Step step = back_up_step(name);
    try {
        if (!libvirt.wait_for_job(domain, step, patience_with_jobs))
            throw Error{ErrorKind::cloud,
                        concat(step.doing, ": not done after ", patience_with_jobs.count(), " h")};
    } catch (...) {
        libvirt.end_job(domain, step);
        throw;
    }
    const auto job = libvirt.job_of(domain, step, VIR_DOMAIN_JOB_STATS_COMPLETED);
    if (job.type != VIR_DOMAIN_JOB_COMPLETED)
        throw Error{says_disk_is_full(job.error) ? ErrorKind::no_disk_space : ErrorKind::cloud,
                    concat(step.doing, ": libvirt says: the job ended before it was done",
                           job.error.empty() ? "" : ": ", job.error)};
}

void Libvirt::abandon_back_up(const std::string& name, const std::string& mark)
{
    const Connection& libvirt = connection();
    virDomainPtr domain = libvirt.find_domain(name);
    if (domain == nullptr)
        return;
    const Step step{concat("ending an abandoned copy of a disk of VM ", name),
                    concat("backup-dumpxml ", name), short_call, VIR_ERR_NO_DOMAIN_BACKUP};
    const CString job{libvirt.run(step, [&] { return libvirt_api().virDomainBackupGetXMLDesc(domain, 0); })};
    if (job && std::string_view{job.get()}.find(mark) != std::string_view::npos)
        libvirt.end_job(domain, step);
}

} // namespace cpi
