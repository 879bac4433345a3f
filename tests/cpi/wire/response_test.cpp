#include "cpi/wire/response.h"
#include "cpi/wire/results.h"
#include "json/json.h"
#include "src/caught.h"

#include <set>

namespace cpi::test {

namespace {

std::string message_of(const std::string& envelope)
{
    const json::Document document = json::parse(envelope, "the response");
    return json::root(document).at("error").at("message").string();
}

template <class T>
std::string written(const T& value)
{
    json::Writer out;
    write_result(out, value);
    return out.text();
}

} // namespace

TEST_CASE("each kind of error has the name that the Director knows")
{
    const std::vector<std::pair<ErrorKind, std::string_view>> names{
        {ErrorKind::invalid_call, "InvalidCall"},
        {ErrorKind::cpi, "Bosh::Clouds::CpiError"},
        {ErrorKind::not_supported, "Bosh::Clouds::NotSupported"},
        {ErrorKind::not_implemented, "Bosh::Clouds::NotImplemented"},
        {ErrorKind::cloud, "Bosh::Clouds::CloudError"},
        {ErrorKind::vm_not_found, "Bosh::Clouds::VMNotFound"},
        {ErrorKind::network_not_found, "Bosh::Clouds::NetworkNotFound"},
        {ErrorKind::no_disk_space, "Bosh::Clouds::NoDiskSpace"},
        {ErrorKind::disk_not_attached, "Bosh::Clouds::DiskNotAttached"},
        {ErrorKind::disk_not_found, "Bosh::Clouds::DiskNotFound"},
        {ErrorKind::vm_creation_failed, "Bosh::Clouds::VMCreationFailed"},
    };
    for (const auto& [kind, name] : names)
        CHECK(wire_name(kind) == name);
}

TEST_CASE("a success has the three members, whatever the result")
{
    for (const auto* result : {"null", "true", "\"vm-a\"", "[]", "{\"a\":[1]}"})
        CHECK(success(result) == concat(R"({"result":)", result, R"(,"error":null,"log":""})"));
}

TEST_CASE("a failure has the three members, and ok_to_retry is a boolean")
{
    CHECK(
        failure({}, {ErrorKind::disk_not_found, "disk 'disk-a' not found"}) ==
        R"({"result":null,"error":{"type":"Bosh::Clouds::DiskNotFound","message":"disk 'disk-a' not found",)"
        R"("ok_to_retry":false},"log":""})");
    CHECK(
        failure({}, {ErrorKind::vm_creation_failed, "", Retry::yes}) ==
        R"({"result":null,"error":{"type":"Bosh::Clouds::VMCreationFailed","message":"","ok_to_retry":true},"log":""})");
}

TEST_CASE("a message of any bytes gives a response that is JSON in UTF-8")
{
    for (const std::string text : {"\xff\xc0\xaf\xed\xa0\x80", "\"quotes\" \\ and\nlines\r\t",
                                   "\x01\x1b[31m\x7f", "ä😀", "\xef\xbf\xbe", "</script>"}) {
        CAPTURE(text);
        const std::string envelope = failure({}, {ErrorKind::cloud, text});
        CHECK(printable_utf8(envelope) == envelope);
        CHECK(envelope.find('\n') == std::string::npos);
        CHECK(message_of(envelope) == printable_utf8(text));
    }
    CHECK(message_of(failure({}, {ErrorKind::cloud, std::string(1'000'000, 'x')})).size() == 1'000'000);
}

TEST_CASE("a message is not cut at a NUL character")
{
    check_says(failure({}, {ErrorKind::cloud, std::string("before\0after", 12)}), {"before", "after"});
}

TEST_CASE("secrets are blanked in a failure's message")
{
    Redactor redactor;
    redactor.hide("sesame-1");
    CHECK(message_of(failure(redactor, {ErrorKind::cloud, "cannot use sesame-1 here"})) ==
          "cannot use <redacted> here");
}

TEST_CASE("even without memory there is a response that is JSON")
{
    const json::Document document = json::parse(out_of_memory(), "the response");
    const json::Place root = json::root(document);
    CHECK(root.at("result").is_null());
    CHECK(root.at("error").at("type").is_string());
    CHECK(root.at("error").at("message").is_string());
    CHECK_FALSE(root.at("error").at("ok_to_retry").boolean());
    CHECK(root.at("log").string().empty());
}

TEST_CASE("each result has the form that the contract gives it")
{
    CHECK(written(true) == "true");
    CHECK(written(std::string_view{"pong"}) == "\"pong\"");
    CHECK(written(VmCid{"vm-a"}) == "\"vm-a\"");
    CHECK(written(std::vector<DiskCid>{}) == "[]");
    CHECK(written(std::vector<DiskCid>{DiskCid{"disk-a"}, DiskCid{"disk-b"}}) == R"(["disk-a","disk-b"])");
    CHECK(written(Info{{"a", "b"}}) == R"({"stemcell_formats":["a","b"],"api_version":3})");
    CHECK(written(CreatedVm{VmCid{"vm-a"}, {R"({"n":{"mac":"m"}})"}}) == R"(["vm-a",{"n":{"mac":"m"}}])");
    CHECK(written(SizedProperties{2, 4096, 8192}) == R"({"cpus":2,"memory":4096,"ephemeral_disk":8192})");
    CHECK(written(DiskHint{.path = "/dev/x", .id = "x"}) == R"({"path":"/dev/x","id":"x"})");
    CHECK(written(DiskHint{.path = {}, .volume_id = "3"}) == R"({"volume_id":"3"})");
}

} // namespace cpi::test
