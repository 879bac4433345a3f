// Assertions of the contract that need neither libvirt nor a hypervisor: the request, the response, and their
// errors.

#include "cpi/methods.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

constexpr std::string_view plain_context = R"("context":{"director_uuid":"director-1"})";

struct Fixture {
    TempDir folder;
    CpiProcess cpi{folder.write(
        "cpi.json", concat(R"({"store_dir":")", folder.path().native(),
                           R"(","agent":{"mbus":"nats://mbus-user:mbus-password@10.0.0.6:4222"}})"))};

    void refuses_as_invalid(std::string_view request) const
    {
        CAPTURE(request);
        const Reply reply = cpi.raw(request);
        CHECK(reply.ran().status == 0);
        CHECK(reply.error_type() == "InvalidCall");
        CHECK(reply.result().is_null());
        CHECK_FALSE(reply.envelope().at("error").at("ok_to_retry").boolean());
        CHECK(reply.envelope().at("log").is_string());
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "a request that is no request is InvalidCall, with exit status 0")
{
    refuses_as_invalid("");
    refuses_as_invalid("{");
    refuses_as_invalid("[]");
    refuses_as_invalid("null");
    refuses_as_invalid("\"info\"");
    refuses_as_invalid("{\"method\":\"info\"} trailing");
    refuses_as_invalid("\xff\xfe{");
    refuses_as_invalid(concat(R"({"method":17,"arguments":[],)", plain_context, "}"));
    refuses_as_invalid(concat(R"({"arguments":[],)", plain_context, "}"));
    refuses_as_invalid(concat(R"({"method":"info","arguments":{},)", plain_context, "}"));
    refuses_as_invalid(concat(R"({"method":"info",)", plain_context, "}"));
    refuses_as_invalid(R"({"method":"info","arguments":[],"context":{}})");
    refuses_as_invalid(R"({"method":"info","arguments":[],"context":{"director_uuid":5}})");
    refuses_as_invalid(R"({"method":"info","arguments":[]})");
    refuses_as_invalid(concat(R"({"method":"info","arguments":[],"api_version":"2",)", plain_context, "}"));
    refuses_as_invalid(std::string(100000, '['));
}

TEST_CASE_FIXTURE(Fixture, "an unknown method is NotImplemented in the words that the Director looks for")
{
    const Reply reply = cpi.call("make_coffee", "[]");
    CHECK(reply.error_type() == "Bosh::Clouds::NotImplemented");
    CHECK(reply.message() == "Method is not known, got: 'make_coffee'");
}

TEST_CASE_FIXTURE(Fixture, "a wrong number of arguments is InvalidCall")
{
    for (const auto* call :
         {"has_vm", "create_vm", "attach_disk", "create_stemcell", "create_network", "delete_network"}) {
        const Reply reply = cpi.call(call, "[]");
        CHECK(reply.error_type() == "InvalidCall");
        CHECK(reply.message().starts_with("Arguments are not correct"));
    }
    CHECK(cpi.call("has_vm", R"(["vm-a","vm-b"])").error_type() == "InvalidCall");
    CHECK(cpi.call("info", R"([1])").error_type() == "InvalidCall");
}

TEST_CASE_FIXTURE(Fixture, "a managed network's wrong values are InvalidCall and named")
{
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"7", "arguments[0]: "},
        {R"({"range":7})", "arguments[0].range: "},
        {R"({"type":"odd"})", "arguments[0].type: "},
        {R"({"netmask_bits":99})", "arguments[0].netmask_bits: "},
        {R"({"cloud_properties":[]})", "arguments[0].cloud_properties: "},
        {R"({"cloud_properties":{"forward_mode":"odd"}})", "arguments[0].cloud_properties.forward_mode: "},
        {R"({"cloud_properties":{"dhcp":{}}})", "arguments[0].cloud_properties.dhcp.start: "},
    };
    for (const auto& each : wrong) {
        const auto& definition = each.first;
        CAPTURE(definition);
        const Reply reply = cpi.call("create_network", concat("[", definition, "]"));
        CHECK(reply.error_type() == "InvalidCall");
        CHECK(reply.message().find(each.second) != std::string::npos);
    }
    CHECK(cpi.call("delete_network", R"(["../net-a"])").error_type() == "InvalidCall");
    CHECK(folder.listing() == "cpi.json");
}

TEST_CASE_FIXTURE(Fixture, "a call without a result answers null twice and a log")
{
    const Reply reply = cpi.call("delete_stemcell", R"(["sc-absent"])");
    CHECK(reply.ran().out == R"({"result":null,"error":null,"log":""})");
}

TEST_CASE_FIXTURE(Fixture, "each typed error keeps its type")
{
    CHECK(cpi.call("delete_disk", R"(["disk-absent"])").error_type() == "Bosh::Clouds::DiskNotFound");
    CHECK(cpi.call("set_disk_metadata", R"(["disk-absent",{}])").error_type() ==
          "Bosh::Clouds::DiskNotFound");
    CHECK(cpi.call("delete_network", R"(["net-absent"])").error_type() == "Bosh::Clouds::NetworkNotFound");
    CHECK(cpi.call("delete_network", R"(["default"])").error_type() == "Bosh::Clouds::NetworkNotFound");
    CHECK(cpi.call("get_disks", R"(["someone-elses-vm"])").error_type() == "Bosh::Clouds::VMNotFound");
    CHECK(cpi.call("create_disk", "[1073741824,{},null]").error_type() == "Bosh::Clouds::NoDiskSpace");
    CHECK(cpi.call("configure_networks", R"(["vm-a",{}])").error_type() == "Bosh::Clouds::NotImplemented");
}

TEST_CASE_FIXTURE(
    Fixture, "info answers with or without a version, with a context of any kind, and a bare environment")
{
    const std::string expected =
        R"({"stemcell_formats":["openstack-qcow2","openstack-raw","vsphere-ovf","vsphere-ova","general-tar"],"api_version":3})";
    const auto info = [&](std::string_view rest) {
        return cpi.raw(concat(R"({"method":"info","arguments":[],)", rest, "}")).require_ok().result_text();
    };
    CHECK(info(plain_context) == expected);
    CHECK(info(concat(plain_context, R"(,"api_version":1)")) == expected);
    CHECK(info(concat(plain_context, R"(,"api_version":2)")) == expected);
    CHECK(info(concat(plain_context, R"(,"api_version":3)")) == expected);
    CHECK(info(R"("context":{"director_uuid":"d","vm":{"stemcell":{}}})") == expected);
    CHECK(
        info(
            R"("context":{"director_uuid":"d","vm":{"stemcell":{"api_version":3}},"anything":{"else":[1]}})") ==
        expected);
}

TEST_CASE_FIXTURE(Fixture, "info answers the formats of the hypervisor that the request's context names")
{
    const Reply reply = cpi.call("info", "[]", R"({"hypervisor":"lxc"})");
    CHECK(reply.require_ok().result_text() ==
          R"({"stemcell_formats":["warden-tar","general-tar"],"api_version":3})");
}

TEST_CASE_FIXTURE(Fixture, "stdout has nothing but the answer, and stderr no secret")
{
    const Reply reply = cpi.call("create_vm", R"(["agent","sc-absent",{"cpus":"two"},{},[],
        {"password":"env-password","bosh":{"group":"public-group","mbus":{"cert":"env-certificate"}}}])");
    CHECK(reply.error_type() == "InvalidCall");
    CHECK_FALSE(reply.ran().err.empty());
    for (const auto* secret : {"env-password", "env-certificate", "mbus-password"}) {
        CHECK(reply.ran().out.find(secret) == std::string::npos);
        CHECK(reply.ran().err.find(secret) == std::string::npos);
    }
}

TEST_CASE_FIXTURE(Fixture, "each line of stderr names the request")
{
    const Reply reply = cpi.call("delete_disk", R"(["disk-absent"])");
    CHECK(reply.ran().err.find(" cpi-123456 error: disk 'disk-absent' not found") != std::string::npos);
}

TEST_CASE("every method of the contract is known")
{
    for (const auto* name : {"info",
                             "ping",
                             "current_vm_id",
                             "create_stemcell",
                             "delete_stemcell",
                             "create_vm",
                             "delete_vm",
                             "has_vm",
                             "reboot_vm",
                             "set_vm_metadata",
                             "calculate_vm_cloud_properties",
                             "configure_networks",
                             "create_disk",
                             "has_disk",
                             "delete_disk",
                             "attach_disk",
                             "detach_disk",
                             "get_disks",
                             "set_disk_metadata",
                             "resize_disk",
                             "update_disk",
                             "snapshot_disk",
                             "delete_snapshot",
                             "create_network",
                             "delete_network"}) {
        CAPTURE(name);
        CHECK(std::ranges::count(methods(), name, &Method::name) == 1);
    }
}

TEST_CASE_FIXTURE(Fixture, "info does not load libvirt; has_vm does")
{
    const auto loads_libvirt = [&](std::string_view method, std::string_view arguments) {
        const std::string request =
            concat(R"({"method":")", method, R"(","arguments":)", arguments, ",", plain_context, "}");
        const Ran ran =
            run_program({LIBVIRT_CPI_EXECUTABLE, "--config", (folder.path() / "cpi.json").native()}, request,
                        {{"LD_DEBUG", "files"}});
        return ran.err.find("libvirt.so") != std::string::npos;
    };
    CHECK_FALSE(loads_libvirt("info", "[]"));
    CHECK(loads_libvirt("has_vm", R"(["vm-absent"])"));
}

TEST_CASE_FIXTURE(Fixture, "nothing of what the CPI starts outlives it with its stdout or stderr")
{
    // run_program returns when both have reached their end: with a child that kept one it would not.
    CHECK(cpi.call("create_disk", "[1,{},null]").ok());
    CHECK(cpi.call("has_vm", R"(["vm-absent"])").ran().status == 0);
}

TEST_CASE_FIXTURE(Fixture, "a call that is ended by a signal still answers, with exit status 0")
{
    const Ran ran =
        run_program({"/bin/sh", "-c",
                     concat("mkfifo ", folder.path().native(), "/stdin; sleep 3 > ", folder.path().native(),
                            "/stdin & timeout -s TERM 0.3 ", LIBVIRT_CPI_EXECUTABLE, " --config ",
                            folder.path().native(), "/cpi.json < ", folder.path().native(), "/stdin")});
    CHECK(ran.out.find(R"("error":{"type")") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "the caller's locale need not be there")
{
    const Ran ran = run_program(
        {LIBVIRT_CPI_EXECUTABLE, "--config", folder.path() / "cpi.json"},
        concat(R"({"method":"create_disk","arguments":[8,{},null],"api_version":2,)", plain_context, "}"),
        {{"LANG", "xx_YY.UTF-8"}});
    CHECK(Reply{ran}.require_ok().result().string().starts_with("disk-"));
}

TEST_CASE_FIXTURE(Fixture, "ping answers pong")
{
    CHECK(cpi.call("ping", "[]").require_ok().result_text() == "\"pong\"");
}

TEST_CASE_FIXTURE(Fixture, "calculate_vm_cloud_properties gives properties that create_vm takes")
{
    const Reply reply =
        cpi.call("calculate_vm_cloud_properties", R"([{"ram":3000,"cpu":3,"ephemeral_disk_size":5001}])");
    CHECK(reply.require_ok().result_text() == R"({"cpus":3,"memory":3000,"ephemeral_disk":5001})");
    CHECK(cpi.call("calculate_vm_cloud_properties", R"([{"ram":3000,"cpu":3}])").error_type() ==
          "InvalidCall");
}

} // namespace cpi::test
