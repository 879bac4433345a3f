#include "cpi/wire/response.h"

#include "base/secret.h"
#include "json/json.h"

namespace cpi {

std::string_view wire_name(ErrorKind kind) noexcept
{
    switch (kind) {
    case ErrorKind::invalid_call: return "InvalidCall";
    case ErrorKind::cpi: return "Bosh::Clouds::CpiError";
    case ErrorKind::not_supported: return "Bosh::Clouds::NotSupported";
    case ErrorKind::not_implemented: return "Bosh::Clouds::NotImplemented";
    case ErrorKind::cloud: return "Bosh::Clouds::CloudError";
    case ErrorKind::vm_not_found: return "Bosh::Clouds::VMNotFound";
    case ErrorKind::network_not_found: return "Bosh::Clouds::NetworkNotFound";
    case ErrorKind::no_disk_space: return "Bosh::Clouds::NoDiskSpace";
    case ErrorKind::disk_not_attached: return "Bosh::Clouds::DiskNotAttached";
    case ErrorKind::disk_not_found: return "Bosh::Clouds::DiskNotFound";
    case ErrorKind::vm_creation_failed: return "Bosh::Clouds::VMCreationFailed";
    }
    return "Unknown";
}

std::string success(std::string_view result)
{
    json::Writer out;
    out.begin_object();
    out.key("result").verbatim({std::string{result}});
    out.key("error").null();
    // What there is to say went to stderr as it happened; here it would appear a second time in the task's
    // log.
    out.key("log").string("");
    out.end_object();
    return out.text();
}

std::string failure(const Redactor& redactor, const Error& error)
{
    json::Writer out;
    out.begin_object();
    out.key("result").null();
    out.key("error").begin_object();
    out.key("type").string(wire_name(error.kind()));
    out.key("message").string(redactor.clean(error.message()));
    out.key("ok_to_retry").boolean(error.ok_to_retry());
    out.end_object();
    out.key("log").string("");
    out.end_object();
    return out.text();
}

std::string_view out_of_memory() noexcept
{
    return R"({"result":null,"error":{"type":"Unknown","message":"the CPI ran out of memory","ok_to_retry":false},)"
           R"("log":""})";
}

} // namespace cpi
