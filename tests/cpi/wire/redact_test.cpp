#include "cpi/wire/redact.h"
#include "src/caught.h"

namespace cpi::test {

namespace {

/// The redactor after a request with these parts.
Redactor told(std::string_view method, std::string_view arguments, std::string_view context = "{}")
{
    const json::Document request = json::parse(
        concat(R"({"method":)", method, R"(,"arguments":)", arguments, R"(,"context":)", context, "}"),
        "the request");
    Redactor redactor;
    const json::Place root = json::root(request);
    hide_secrets(redactor, root.at("method"), root.at("arguments"), root.at("context"));
    return redactor;
}

Redactor told_env(std::string_view env)
{
    return told("\"create_vm\"",
                concat(R"(["agent-id","sc-stemcell",{"firmware":"uefi-boot"},{},[],)", env, "]"));
}

} // namespace

TEST_CASE("every string of env is hidden, wherever in it")
{
    const Redactor redactor = told_env(R"({"password":"sesame-1","bosh":{"password":"sesame-2",
        "mbus":{"cert":{"private_key":"sesame-3"},"urls":["sesame-4"]},"blobstores":[{"options":{"x":["sesame-5"]}}]},
        "deep":[[{"a":"sesame-6"}]]})");
    for (const auto* secret : {"sesame-1", "sesame-2", "sesame-3", "sesame-4", "sesame-5", "sesame-6"})
        CHECK(redactor.clean(secret) == "<redacted>");
}

TEST_CASE("the names by which BOSH groups VMs are not hidden")
{
    const Redactor redactor =
        told_env(R"({"bosh":{"group":"director-deployment-web","groups":["deployment","director"],
        "tags":{"owner":"somebody"}}})");
    const std::string text = "director-deployment-web deployment director somebody";
    CHECK(redactor.clean(text) == text);
}

TEST_CASE("the same names outside of bosh are secrets as any")
{
    const Redactor redactor = told_env(R"({"group":"sesame-1","bosh":"sesame-2"})");
    CHECK(redactor.clean("sesame-1 sesame-2") == "<redacted> <redacted>");
}

TEST_CASE("the other arguments of create_vm are not hidden")
{
    const Redactor redactor = told_env(R"({"a":"sesame-1"})");
    CHECK(redactor.clean("agent-id sc-stemcell uefi-boot") == "agent-id sc-stemcell uefi-boot");
}

TEST_CASE("arguments of other methods are not hidden")
{
    const Redactor redactor = told("\"set_vm_metadata\"", R"(["vm-a",{},{},{},{},{"a":"sesame-1"}])");
    CHECK(redactor.clean("sesame-1") == "sesame-1");
}

TEST_CASE("what the context holds under a telling name is hidden, at any depth")
{
    const Redactor redactor =
        told("\"info\"", "[]", R"({"director_uuid":"director-1","private_key":"sesame-1",
        "agent":{"mbus":"sesame-2","blobstore":{"options":{"secret_access_key":"sesame-3","endpoint":"endpoint-1"}}},
        "ssh_password":["sesame-4"],"host":"host.example","key_passphrase":{"x":"sesame-5"}})");
    for (const auto* secret : {"sesame-1", "sesame-2", "sesame-3", "sesame-4", "sesame-5"})
        CHECK(redactor.clean(secret) == "<redacted>");
    CHECK(redactor.clean("director-1 endpoint-1 host.example") == "director-1 endpoint-1 host.example");
}

TEST_CASE("a telling name within a list of the context is found")
{
    const Redactor redactor = told("\"info\"", "[]", R"({"accounts":[{"password":"sesame-1"}]})");
    CHECK(redactor.clean("sesame-1") == "<redacted>");
}

TEST_CASE("a telling name is found whatever its case")
{
    const Redactor redactor = told("\"info\"", "[]", R"({"Password":"sesame-1"})");
    CHECK(redactor.clean("sesame-1") == "<redacted>");
}

TEST_CASE("a request of any shape is no reason to fail")
{
    for (const auto* arguments : {"null", "{}", "[]", "[1,2,3,4,5]", "[1,2,3,4,5,6]", "[1,2,3,4,5,null]",
                                  "[1,2,3,4,5,\"x\"]", "[1,2,3,4,5,{\"bosh\":[]}]"})
        for (const auto* context : {"null", "[]", "\"x\"", "17"})
            CHECK_NOTHROW(static_cast<void>(told("\"create_vm\"", arguments, context)));
    CHECK_NOTHROW(static_cast<void>(told("17", "[]")));
    CHECK_NOTHROW(static_cast<void>(told("null", "[]")));
}

TEST_CASE("an env that is a string is hidden as well")
{
    const Redactor redactor = told_env("\"sesame-1\"");
    CHECK(redactor.clean("sesame-1") == "<redacted>");
}

} // namespace cpi::test
