#include "support/cpi_process.h"

#include <boost/asio/io_context.hpp>
#include <boost/process.hpp>

#include <future>
#include <stdexcept>

namespace cpi::test {

namespace bp = boost::process;

Ran run_program(const std::vector<std::string>& argv, std::string_view input,
                const std::map<std::string, std::string>& environment)
{
    bp::environment reduced;
    reduced["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (const auto& [name, value] : environment)
        reduced[name] = value;
    const boost::filesystem::path program =
        argv.front().find('/') == std::string::npos ? bp::search_path(argv.front()) : argv.front();
    boost::asio::io_context io;
    std::future<std::string> out;
    std::future<std::string> err;
    const auto buffer =
        boost::asio::buffer(input.data(), input.size()); // Boost.Process keeps a reference to it
    bp::child child{bp::exe = program, bp::args = std::vector<std::string>{argv.begin() + 1, argv.end()},
                    reduced,           bp::std_in<buffer, bp::std_out> out,
                    bp::std_err > err, io};
    io.run();
    child.wait();
    return {child.exit_code(), out.get(), err.get()};
}

Reply::Reply(Ran ran)
    : ran_{std::move(ran)}, document_{json::parse(ran_.out, concat("stdout \"", ran_.out,
                                                                   "\", with stderr \"", ran_.err, "\","))}
{
}

std::string Reply::error_type() const
{
    return ok() ? "" : envelope().at("error").at("type").string();
}

std::string Reply::message() const
{
    return ok() ? "" : envelope().at("error").at("message").string();
}

const Reply& Reply::require_ok() const
{
    if (!ok())
        throw std::runtime_error{concat("the call failed: ", error_type(), ": ", message(), "\n", ran_.err)};
    return *this;
}

Reply CpiProcess::call(std::string_view method, std::string_view arguments, std::string_view context) const
{
    const json::Verbatim with_uuid = json::with_member({std::string{context}}, "director_uuid", "director-1");
    const json::Verbatim full = json::with_member(with_uuid, "request_id", "cpi-123456");
    return raw(concat(R"({"method":)", json_string(method), R"(,"arguments":)", arguments, R"(,"context":)",
                      full.text, R"(,"api_version":2})"));
}

Reply CpiProcess::raw(std::string_view request) const
{
    return Reply{run_program({LIBVIRT_CPI_EXECUTABLE, "--config", config_file_}, request)};
}

std::string json_string(std::string_view text)
{
    return json::Writer{}.string(text).text();
}

} // namespace cpi::test
