#include "live/remote/far_host.h"

#include "base/text.h"
#include "conformance/lab.h"

#include <stdexcept>

namespace cpi::test {

namespace {

Ran run_lab(const std::string& number, const std::vector<std::string>& words)
{
    std::vector<std::string> argv{SOURCE_DIR "/tests/lab/remote", number};
    argv.insert(argv.end(), words.begin(), words.end());
    return run_program(argv, {}, lab_environment());
}

} // namespace

FarHost::FarHost(unsigned number, std::string_view user)
    : number_{std::to_string(number)}, process_{folder_.write(
                                           "cpi.json", R"({"agent":{"mbus":"nats://10.254.50.4:4222"}})")}
{
    const std::string config = lab({"config", "qemu", std::string{user}});
    properties_ =
        json::with_members({config}, {concat(R"({"store_dir":)", json_string(store().native()), "}")}).text;
    if (run({"install", "-d", "-m", "0711", "-o", std::string{user}, store()}).status != 0)
        throw std::runtime_error{concat("no store for ", user)};
}

FarHost::~FarHost()
{
    for (const auto& vm : split(run({"ls", store() / "vms"}).out, '\n'))
        if (!vm.empty())
            static_cast<void>(call("delete_vm", json_list({vm})));
}

std::string FarHost::lab(const std::vector<std::string>& words) const
{
    const Ran ran = run_lab(number_, words);
    if (ran.status != 0)
        throw std::runtime_error{concat(join(words, " "), ": ", ran.err)};
    return trim(ran.out);
}

Reply FarHost::call(std::string_view method, std::string_view arguments) const
{
    return process_.call(method, arguments, properties_);
}

Reply FarHost::call_with(std::string_view properties, std::string_view method,
                         std::string_view arguments) const
{
    return process_.call(method, arguments,
                         json::with_members({properties_}, {concat("{", properties, "}")}).text);
}

std::string FarHost::request(std::string_view method, std::string_view arguments,
                             std::string_view properties) const
{
    const json::Verbatim context = json::with_members({properties_}, {concat("{", properties, "}")});
    return concat(R"({"method":)", json_string(method), R"(,"arguments":)", arguments, R"(,"context":)",
                  context.text, R"(,"api_version":2})");
}

std::string FarHost::cid(std::string_view method, std::string_view arguments) const
{
    return call(method, arguments).require_ok().result().string();
}

std::string FarHost::create_stemcell() const
{
    return cid("create_stemcell", stemcell_arguments(Lab{}.ask({"stemcell"})));
}

std::string FarHost::create_vm(const std::string& stemcell) const
{
    return call("create_vm",
                concat(R"(["agent",)", json_string(stemcell), R"(,{"memory":128,"ephemeral_disk":64},)",
                       R"({"n":{"type":"dynamic","cloud_properties":{"network":"default"}}},[],{}])"))
        .require_ok()
        .result()
        .items()
        .front()
        .string();
}

Ran FarHost::run(const std::vector<std::string>& argv) const
{
    std::vector<std::string> words{"run"};
    words.insert(words.end(), argv.begin(), argv.end());
    return run_lab(number_, words);
}

std::filesystem::path FarHost::lab_file(std::string_view name) const
{
    return std::filesystem::path{lab({"folder"})} / name;
}

std::string FarHost::address() const
{
    return trim(read_file(lab_file("address")));
}

std::string FarHost::contents() const
{
    return trim(run({"find", store(), "-type", "f", "!", "-name", "lock", "!", "-name", "host"}).out);
}

} // namespace cpi::test
