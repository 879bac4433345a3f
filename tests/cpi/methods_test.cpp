#include "cpi/cpi.h"
#include "cpi/dispatch.h"
#include "cpi/methods.h"
#include "cpi/wire/arguments.h"
#include "host/local_host.h"
#include "src/caught.h"
#include "src/child.h"
#include "support/temp_dir.h"

#include <set>

namespace cpi::test {

namespace {

std::string_view seen_by_handler(Cpi& /*cpi*/, const std::string& text, const VmCid& vm,
                                 const std::optional<DiskSize>& size,
                                 const std::optional<std::vector<DiskCid>>& disks)
{
    static std::string seen;
    seen = concat(text, " ", vm.str(), " ", size ? size->value : -1, " ", disks ? disks->size() : 99);
    return seen;
}

void nothing(Cpi& /*cpi*/) {}

struct Fixture {
    TempDir folder;
    LocalHost host;
    Log log;
    Config config;

    Fixture() { config.store_dir.text = folder.path().native(); }

    std::string call(const Method& called, std::string_view arguments)
    {
        const json::Document document = json::parse(arguments, "the arguments");
        Cpi cpi{config, host, log};
        json::Writer result;
        called.call(cpi, json::root(document, "arguments"), result);
        return result.text();
    }
    Caught refused(const Method& called, std::string_view arguments)
    {
        return caught([&] { return call(called, arguments); });
    }
    std::string answer_to(std::string_view request)
    {
        const auto text = [this] {
            return concat(R"({"store_dir":")", folder.path().native(), R"(","agent":{"mbus":"nats://x"}})");
        };
        return answer_with(text, request);
    }
    std::string answer_with(const ConfigReader& text, std::string_view request)
    {
        std::string response;
        answer(request, "the configuration", text, host, log,
               [&](std::string_view document) { response += document; });
        return response;
    }
};

constexpr Method typed = method<seen_by_handler>("typed");

} // namespace

TEST_CASE("no method is in the table twice")
{
    std::set<std::string_view> names;
    for (const Method& row : methods())
        CHECK(names.insert(row.name).second);
    CHECK(names.size() == 25);
}

TEST_CASE("what is not built yet is known to be")
{
    std::set<std::string_view> not_built_yet;
    for (const Method& row : methods())
        if (row.call == nullptr)
            not_built_yet.insert(row.name);
    for (const auto* required :
         {"info", "create_stemcell", "delete_stemcell", "create_vm", "delete_vm", "has_vm", "reboot_vm",
          "set_vm_metadata", "create_disk", "delete_disk", "attach_disk", "detach_disk", "get_disks",
          "has_disk", "set_disk_metadata", "calculate_vm_cloud_properties"})
        CHECK_FALSE(not_built_yet.contains(required));
}

TEST_CASE_FIXTURE(Fixture, "a handler gets its arguments typed")
{
    CHECK(call(typed, R"(["ä","vm-a",7,["disk-a","disk-b"]])") == "\"ä vm-a 7 2\"");
}

TEST_CASE_FIXTURE(Fixture, "optional arguments may be null, or left out at the end")
{
    CHECK(call(typed, R"(["x","vm-a",null,[]])") == "\"x vm-a -1 0\"");
    CHECK(call(typed, R"(["x","vm-a",7])") == "\"x vm-a 7 99\"");
    CHECK(call(typed, R"(["x","vm-a"])") == "\"x vm-a -1 99\"");
}

TEST_CASE_FIXTURE(Fixture, "a wrong number of arguments is refused with the numbers")
{
    for (const auto* arguments : {R"(["x"])", "[]", R"(["x","vm-a",7,[],1])"}) {
        const Caught error = refused(typed, arguments);
        CHECK(error.kind == ErrorKind::invalid_call);
        check_says(error.what, {"Arguments are not correct, details: 'expected 2 to 4 arguments, got "});
    }
    check_says(refused(method<nothing>("n"), "[1]").what, {"'expected 0 arguments, got 1'"});
}

TEST_CASE_FIXTURE(Fixture, "a wrong argument is refused with its place, the first one first")
{
    CHECK(refused(typed, R"([1,"../x",7])").what ==
          "Arguments are not correct, details: 'arguments[0]: expected a string, got the number 1'");
    check_says(refused(typed, R"(["x","vm-a",0])").what,
               {"'arguments[2]: expected a whole number from 1 to"});
    check_says(refused(typed, R"(["x","vm-a",null,[1]])").what,
               {"'arguments[3][0]: expected a string, got the number 1'"});
    check_says(refused(typed, R"(["x",null])").what, {"'arguments[1]: expected a string, got null'"});
    CHECK(refused(typed, R"({"a":1})").kind == ErrorKind::invalid_call);
}

TEST_CASE_FIXTURE(Fixture, "a handler without a result answers null")
{
    CHECK(call(method<nothing>("n"), "[]") == "null");
}

TEST_CASE_FIXTURE(Fixture,
                  "what is asked of a remote host is asked there, and one that does not answer is an error")
{
    config.host.text = "127.0.0.1";
    config.port = {1};
    config.username = "u";
    config.private_key = Secret{"-----BEGIN"};
    Cpi cpi{config, host, log};
    const Caught error = caught([&] { return cpi.host().info("/etc/passwd").has_value(); });
    CHECK(error.kind == ErrorKind::cloud);
    check_says(error.what, {"connecting to u@127.0.0.1 port 1", "Connection refused"});
    check_says(caught([&] { return cpi.libvirt().domain_exists("vm-x"); }).what, {"u@127.0.0.1 port 1"});
}

TEST_CASE_FIXTURE(Fixture, "a request is answered whatever it is")
{
    CHECK(answer_to(R"({"method":"ping","arguments":[],"context":{"director_uuid":"d"}})") ==
          R"({"result":"pong","error":null,"log":""})");
    for (const auto* request : {"", "null", "[]", "{}", "\xff", R"({"method":"ping"})"})
        check_says(answer_to(request), {R"("type":"InvalidCall")", R"("result":null)", R"("log":"")"});
    check_says(answer_to(R"({"method":"brew","arguments":[],"context":{"director_uuid":"d"}})"),
               {R"("type":"Bosh::Clouds::NotImplemented")", "Method is not known, got: 'brew'"});
}

TEST_CASE_FIXTURE(Fixture, "a configuration that cannot be read is an answer too")
{
    const auto of_reader = [&](const ConfigReader& reader) {
        return answer_with(reader, R"({"method":"ping","arguments":[],"context":{"director_uuid":"d"}})");
    };
    check_says(of_reader([]() -> std::string {
                   throw Error{ErrorKind::cpi, "no such file"};
               }),
               {R"("type":"Bosh::Clouds::CpiError")", "no such file"});
    check_says(of_reader([]() -> std::string { throw std::runtime_error{"odd"}; }),
               {R"("type":"Bosh::Clouds::CpiError")", "odd"});
    check_says(of_reader([]() -> std::string { throw std::bad_alloc{}; }), {R"("type":"Unknown")", "memory"});
    check_says(of_reader([]() -> std::string { throw 17; }), {R"("error":{)"});
    check_says(of_reader([]() -> std::string { return "{"; }),
               {"configuration the configuration: it is not JSON"});
}

TEST_CASE_FIXTURE(Fixture, "an env of any depth is no reason to die without an answer")
{
    std::string deep;
    for (int i = 0; i < 200'000; ++i)
        deep += "[";
    for (int i = 0; i < 200'000; ++i)
        deep += "]";
    const std::string request = concat(R"({"method":"create_vm","arguments":["a","sc-absent",{},{},[],{"x":)",
                                       deep, R"(}],"context":{"director_uuid":"d"},"api_version":2})");
    CHECK(in_child([&] { return answer_to(request); }).find("signal") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "an env that is no object is refused, for the agent would not start")
{
    for (const auto* env : {"17", "\"x\"", "[]"})
        check_says(answer_to(concat(R"({"method":"create_vm","arguments":["a","sc-absent",{},{},[],)", env,
                                    R"(],"context":{"director_uuid":"d"},"api_version":2})")),
                   {R"("type":"InvalidCall")", "arguments[5]"});
}

} // namespace cpi::test
