#include "conformance/lab.h"

#include "base/clock.h"
#include "base/text.h"
#include "hypervisors/table.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace cpi::test {

namespace {

std::string script_from_environment()
{
    const char* script = std::getenv("LIBVIRT_CPI_LAB"); // NOLINT(concurrency-mt-unsafe): nothing changes it
    if (script == nullptr)
        throw std::runtime_error{"LIBVIRT_CPI_LAB is not set. Try: scripts/test lxc, which starts the lab"};
    return script;
}

std::string output_of(const std::vector<std::string>& argv, const Ran& ran)
{
    if (ran.status != 0)
        throw std::runtime_error{concat(join(argv, " "), ": status ", ran.status, ": ", ran.out, ran.err)};
    return trim(ran.out);
}

} // namespace

std::map<std::string, std::string> lab_environment()
{
    std::map<std::string, std::string> kept;
    for (const char* name : {"HOME", "XDG_CACHE_HOME", "LIBVIRT_CPI_LAB_CACHE", "LIBVIRT_LAB"})
        if (const char* value = std::getenv(name)) // NOLINT(concurrency-mt-unsafe): nothing changes it
            kept.emplace(name, value);
    return kept;
}

Lab::Lab() : Lab{script_from_environment()} {}

Lab::Lab(std::string script) : script_{std::move(script)}
{
    const json::Document config = json::parse(ask({"config"}), "the lab's configuration");
    const std::string name = json::root(config).at("hypervisor").string();
    for (const Hypervisor* row : hypervisors())
        if (row->name == name)
            row_ = row;
    if (row_ == nullptr)
        throw std::runtime_error{concat("no hypervisor '", name, "'")};
    if (call("host", {"true"}).status == 0)
        host_verb_ = "host";
    const Ran usual = call("properties", {});
    if (usual.status == 0)
        properties_ = trim(usual.out);
    const std::string guests = call("guests", {}).out;
    if (guests.starts_with("no"))
        why_not_guests_ = trim(guests);
}

Ran Lab::call(const std::string& verb, const std::vector<std::string>& words, std::string_view input) const
{
    std::vector<std::string> argv{script_, verb};
    argv.insert(argv.end(), words.begin(), words.end());
    return run_program(argv, input, lab_environment());
}

std::string Lab::ask(const std::vector<std::string>& words) const
{
    return output_of(words, call(words.front(), {words.begin() + 1, words.end()}));
}

Ran Lab::try_run(const std::vector<std::string>& argv, std::string_view input) const
{
    return call("run", argv, input);
}

std::string Lab::run(const std::vector<std::string>& argv, std::string_view input) const
{
    return output_of(argv, try_run(argv, input));
}

Ran Lab::try_on_host(const std::vector<std::string>& argv, std::string_view input) const
{
    return call(host_verb_, argv, input);
}

std::string Lab::on_host(const std::vector<std::string>& argv, std::string_view input) const
{
    return output_of(argv, try_on_host(argv, input));
}

std::string Lab::in_guest(const std::string& vm, const std::string& command) const
{
    return ask({"guest", vm, command});
}

bool Lab::answers(const std::string& vm) const
{
    return call("guest", {vm, "true"}).status == 0;
}

bool Lab::host_restarts() const
{
    return call("restart", {"can"}).status == 0;
}

void Lab::restart_host() const
{
    static_cast<void>(ask({"restart"}));
}

void Lab::put(const std::string& from, const std::string& to) const
{
    static_cast<void>(ask({"put", from, to}));
}

void Lab::install_cpi(const std::string& to) const
{
    constexpr int no_such_verb = 2;
    const Ran ran = call("install", {LIBVIRT_CPI_EXECUTABLE, to});
    if (ran.status == no_such_verb)
        put(LIBVIRT_CPI_EXECUTABLE, to);
    else
        static_cast<void>(output_of({"install", to}, ran));
}

std::string Lab::members(std::string_view verb) const
{
    const std::string object = ask({std::string{verb}});
    return object.substr(object.find('{') + 1, object.rfind('}') - object.find('{') - 1);
}

namespace {

constexpr const char* make_folder =
    "mkdir -p -m 1777 /var/tmp/cpi-conformance && mktemp -d /var/tmp/cpi-conformance/XXXXXX";

} // namespace

LabCpi::LabCpi(const Lab& lab, std::string_view extra, std::string store_name)
    : lab_{lab}, folder_{lab.run({"sh", "-c", make_folder})}, store_name_{std::move(store_name)}
{
    static_cast<void>(lab.on_host({"install", "-d", "-m", "0711", folder_, store()}));
    const std::string config =
        concat("{", lab.members("config"), R"(,"store_dir":)", json_string(store()),
               R"(,"agent":{"mbus":"nats://10.254.50.4:4222","ntp":["0.pool.ntp.org"]})", extra, "}");
    static_cast<void>(lab.run({"tee", folder_ + "/cpi.json"}, config));
    lab.install_cpi(folder_ + "/libvirt_cpi");
}

LabCpi::~LabCpi()
{
    try {
        for (const auto& vm : names_in("vms"))
            static_cast<void>(call("delete_vm", json_list({vm})));
        static_cast<void>(lab_.on_host({"rm", "-rf", "--one-file-system", folder_}));
        static_cast<void>(lab_.run({"rm", "-rf", "--one-file-system", folder_}));
    } catch (const std::exception& error) {
        MESSAGE("cleaning up: ", error.what());
    }
}

Reply LabCpi::request(std::string_view text) const
{
    return Reply{lab_.try_run({folder_ + "/libvirt_cpi", "--config", folder_ + "/cpi.json"}, text)};
}

Ran LabCpi::operate(const std::vector<std::string>& words) const
{
    std::vector<std::string> argv{folder_ + "/libvirt_cpi", "--config", folder_ + "/cpi.json"};
    argv.insert(argv.end(), words.begin(), words.end());
    return lab_.try_run(argv);
}

Reply LabCpi::call(std::string_view method, std::string_view arguments)
{
    called_.emplace(method);
    return request(concat(R"({"method":)", json_string(method), R"(,"arguments":)", arguments,
                          R"(,"context":{"director_uuid":"d"},"api_version":2})"));
}

std::string LabCpi::cid(std::string_view method, std::string_view arguments)
{
    return call(method, arguments).require_ok().result().string();
}

std::string LabCpi::create_stemcell(const std::string& kind)
{
    std::vector<std::string> words{"stemcell"};
    if (!kind.empty())
        words.push_back(kind);
    const std::string folder = lab_.ask(words);
    const std::string image = folder_ + "/image";
    lab_.put(folder + "/image", image);
    std::string stemcell = cid("create_stemcell", stemcell_arguments(image, folder));
    static_cast<void>(lab_.run({"rm", image}));
    return stemcell;
}

Reply LabCpi::try_create_vm(const std::string& stemcell, unsigned number, std::string_view properties,
                            std::string_view network)
{
    const json::Verbatim all = json::with_members({lab_.properties()}, {std::string{properties}});
    return call("create_vm",
                concat(R"(["agent-)", number, R"(",)", json_string(stemcell), ",", all.text, R"(,{"net":)",
                       network.empty() ? lab_.ask({"network", std::to_string(number)}) : std::string{network},
                       R"(},[],{"bosh":{"group":"g"},"deep":{"list":[1,2.5,null,"ünï"]}}])"));
}

std::string LabCpi::create_vm(const std::string& stemcell, unsigned number, std::string_view properties,
                              std::string_view network)
{
    std::string vm =
        try_create_vm(stemcell, number, properties, network).require_ok().result().items().front().string();
    static_cast<void>(report(vm));
    return vm;
}

std::string LabCpi::report(const std::string& vm) const
{
    if (!lab_.asks_guests()) {
        if (!lab_.answers(vm))
            throw std::runtime_error{concat(vm, " does not run")};
        return {};
    }
    constexpr std::chrono::minutes patience{8};
    std::string last;
    const bool ready = wait_until(Deadline{patience}, [&] {
        try {
            last = lab_.in_guest(vm, "cat /var/log/report");
        } catch (const std::runtime_error& error) {
            last = error.what();
        }
        return last.find("REPORT ready") != std::string::npos;
    });
    if (!ready)
        throw std::runtime_error{concat(vm, " did not report: ", last)};
    return last;
}

std::set<std::string> LabCpi::names_in(std::string_view folder) const
{
    const Ran ran = lab_.try_on_host({"ls", "-A", concat(store(), "/", folder)});
    std::set<std::string> names;
    for (const auto& line : split(ran.out, '\n'))
        if (!line.empty())
            names.insert(line);
    return names;
}

std::string stemcell_arguments(const std::filesystem::path& image, const std::filesystem::path& folder)
{
    return concat("[", json_string(image.native()), ",", read_file(folder / "cloud_properties.json"), "]");
}

std::string json_list(const std::vector<std::string>& texts)
{
    json::Writer out;
    out.begin_array();
    for (const auto& text : texts)
        out.string(text);
    return out.end_array().text();
}

} // namespace cpi::test
