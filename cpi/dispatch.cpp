#include "cpi/dispatch.h"

#include "cpi/cpi.h"
#include "cpi/disk/snapshots.h"
#include "cpi/host_mark.h"
#include "cpi/methods.h"
#include "cpi/properties/possible.h"
#include "cpi/wire/redact.h"
#include "cpi/wire/response.h"

#include <algorithm>
#include <new>

namespace cpi {

namespace {

[[noreturn]] void invalid(std::string message)
{
    throw Error{ErrorKind::invalid_call, std::move(message)};
}

const Method& find_method(const json::Place& name)
{
    if (!name.is_string())
        invalid("Method must be a String");
    const auto table = methods();
    const auto row = std::ranges::find(table, name.string(), &Method::name);
    if (row == table.end())
        throw Error{ErrorKind::not_implemented,
                    concat("Method is not known, got: '", excerpt(name.string()), "'")};
    return *row;
}

void check_envelope(const json::Place& request)
{
    if (!request.at("arguments").is_array())
        invalid("Arguments must be an Array");
    const json::Place version = request.at("api_version");
    if (!version.is_null() && !version.is_integer())
        invalid("CPI api_version must be an Integer");
    const json::Place context = request.at("context");
    if (!context.is_object() || !context.at("director_uuid").is_string())
        invalid("Request should include context with director uuid");
}

void require_possible(const Method& method, const Hypervisor& hypervisor)
{
    if (method.needs_networks && !hypervisor.why_no_networks.empty())
        throw Error{ErrorKind::not_supported,
                    not_possible(hypervisor, method.name, hypervisor.why_no_networks)};
}

/// What comes before each call that uses the store, whichever it is.
void make_ready(Cpi& cpi)
{
    require_this_host(cpi);
    end_abandoned_snapshots(cpi);
}

void serve(std::string_view request_text, std::string_view source, const ConfigReader& read_text, Host& host,
           Log& log, const Respond& respond)
{
    const json::Document document = json::parse(request_text, "Request");
    const json::Place request = json::root(document);
    hide_secrets(log.redactor(), request.at("method"), request.at("arguments"), request.at("context"));
    const Method& method = find_method(request.at("method"));
    check_envelope(request);
    if (const json::Place id = request.at("context").at("request_id"); id.is_string())
        log.set_request(excerpt(id.string()));
    if (method.call == nullptr)
        throw Error{ErrorKind::not_implemented,
                    concat("method '", method.name, "' is not implemented by this CPI")};

    const Config config = read_config(read_text(), source, request.at("context"));
    hide_secrets(log.redactor(), config);
    require_possible(method, *config.hypervisor.row);
    Cpi cpi{config, host, log};
    if (method.uses == Method::Uses::machines && config.is_remote())
        static_cast<void>(cpi.machines());
    if (method.uses != Method::Uses::nothing)
        make_ready(cpi);
    json::Writer result;
    method.call(cpi, request.at("arguments"), result);
    respond(success(result.text()));
    cpi.do_what_comes_afterwards();
}

} // namespace

void answer(std::string_view request, std::string_view source, const ConfigReader& read_text, Host& host,
            Log& log, const Respond& respond) noexcept
{
    try {
        try {
            serve(request, source, read_text, host, log, respond);
        } catch (const Error& error) {
            log.error(error.what());
            respond(failure(log.redactor(), error));
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const std::exception& error) {
            log.error(error.what());
            respond(failure(log.redactor(), {ErrorKind::cpi, error.what()}));
        }
    } catch (...) {
        respond(out_of_memory());
    }
}

} // namespace cpi
