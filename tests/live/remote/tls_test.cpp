// libvirt by TLS, or by TCP, files and programs by SSH.

#include "base/text.h"
#include "live/remote/far_host.h"
#include "src/caught.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

/// With the certificates of the lab, as texts or as the files that they are in.
class TlsHost : public FarHost {
public:
    TlsHost() : FarHost{1} {}

    [[nodiscard]] std::string tls_file(std::string_view name) const
    {
        return concat(lab({"tls"}), "/", name);
    }
    [[nodiscard]] static std::string tls(const std::string& ca, const std::string& certificate,
                                         const std::string& key)
    {
        return concat(R"(,"tls":{"ca":)", json_string(ca), R"(,"certificate":)", json_string(certificate),
                      R"(,"private_key":)", json_string(key), "}");
    }
    [[nodiscard]] std::string uri() const
    {
        return concat(R"("uri":"qemu+tls://)", address(), R"(/system")");
    }
    [[nodiscard]] std::string texts() const
    {
        return tls(read_file(tls_file("ca.pem")), read_file(tls_file("client.pem")),
                   read_file(tls_file("client.key")));
    }
    [[nodiscard]] std::string files() const
    {
        return tls(tls_file("ca.pem"), tls_file("client.pem"), tls_file("client.key"));
    }
};

} // namespace

TEST_CASE("libvirt is reached by TLS with the certificates of the configuration")
{
    const TlsHost host;
    for (const auto& certificates : {host.texts(), host.files()}) {
        CAPTURE(certificates);
        const std::string way = concat(host.uri(), certificates);
        CHECK(host.call_with(way, "has_vm", R"(["vm-absent"])").require_ok().result_text() == "false");
    }
    const std::string stemcell = host.create_stemcell();
    const Reply created = host.call_with(
        concat(host.uri(), host.texts()), "create_vm",
        concat(R"(["agent",)", json_string(stemcell), R"(,{"memory":128,"ephemeral_disk":64},)",
               R"({"n":{"type":"dynamic","cloud_properties":{"network":"default"}}},[],{}])"));
    CHECK(created.require_ok().result().items().front().string().starts_with("vm-"));
}

TEST_CASE("of certificates and key nothing is left on this machine")
{
    const TlsHost host;
    const TempDir temporary;
    const std::string properties = concat(R"("director_uuid":"d",)", host.uri(), host.texts());
    const Ran ran =
        run_program({LIBVIRT_CPI_EXECUTABLE, "--config", host.config_file()},
                    host.request("has_vm", R"(["vm-absent"])", properties), {{"TMPDIR", temporary.path()}});
    CHECK(Reply{ran}.require_ok().result_text() == "false");
    CHECK(std::filesystem::is_empty(temporary.path()));
}

TEST_CASE("who is not trusted, on either side, and a file that is not there are told")
{
    const TlsHost host;
    const auto message = [&](const std::string& certificates) {
        return host.call_with(concat(host.uri(), certificates), "has_vm", R"(["vm-absent"])").message();
    };
    const std::string ca = host.tls_file("ca.pem");
    const std::string other_ca = host.tls_file("other.pem");
    const std::string stranger = host.tls_file("stranger.pem");
    const std::string strangers_key = host.tls_file("stranger.key");
    check_says(message(TlsHost::tls(other_ca, stranger, strangers_key)),
               {"connecting to qemu+tls://", "Failed to verify peer", "of who signed the host's"});
    check_says(message(TlsHost::tls(ca, stranger, strangers_key)),
               {"known issuer", "of who signed tls.certificate"});
    check_says(message(TlsHost::tls(ca, host.tls_file("client.pem"), "/nonexistent/key")),
               {"tls.private_key: there is no such file"});
    check_says(message(""), {"Cannot read CA certificate", "give the certificates in the configuration"});
}

TEST_CASE("libvirt is reached by TCP, where that is allowed, at a port of its own")
{
    const FarHost host{1};
    for (const auto* port : {"", ":16509"}) {
        const std::string uri = concat(R"("uri":"qemu+tcp://)", host.address(), port, R"(/system")");
        CAPTURE(uri);
        const Reply refused = host.call_with(uri, "has_vm", R"(["vm-absent"])");
        CHECK(refused.error_type() == "Bosh::Clouds::CpiError");
        check_says(refused.message(), {"nothing is encrypted", "allow_insecure_tcp"});
        const std::string allowed = concat(uri, R"(,"allow_insecure_tcp":true)");
        CHECK(host.call_with(allowed, "has_vm", R"(["vm-absent"])").require_ok().result_text() == "false");
    }
    const std::string nobodys = concat(R"("uri":"qemu+tcp://)", host.address(), R"(:1/system")");
    check_says(host.call_with(concat(nobodys, R"(,"allow_insecure_tcp":true)"), "has_vm", R"(["vm-absent"])")
                   .message(),
               {"unable to connect to server at", "libvirtd-tcp.socket"});
}

} // namespace cpi::test
