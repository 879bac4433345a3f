// libvirtd is restarted in the midst of create_vm, as an update of its package does it.

#include "base/text.h"
#include "conformance/lab.h"
#include "support/libvirt_proxy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace cpi::test {

namespace {

using Lost = LibvirtProxy::Lost;

constexpr std::string_view socket_there = "/run/proxy";

/// Between the CPI on the host and libvirtd there, by way of this machine.
class ProxyOfHost {
public:
    explicit ProxyOfHost(const Lab& lab) : proxy_{daemons_socket(lab)}
    {
        static_cast<void>(lab.run({"rm", "-f", std::string{socket_there}}));
        static_cast<void>(lab.ask({"forward", "there", std::string{socket_there}, proxy_.socket()}));
    }
    LibvirtProxy* operator->() { return &proxy_; }

private:
    [[nodiscard]] std::string daemons_socket(const Lab& lab) const
    {
        const std::string here = (folder_.path() / "libvirtd").native();
        static_cast<void>(lab.ask({"forward", "here", here, "/run/libvirt/libvirt-sock"}));
        return here;
    }

    TempDir folder_;
    LibvirtProxy proxy_;
};

struct Creating {
    Lab lab;
    ProxyOfHost proxy{lab};
    LabCpi cpi{lab, concat(R"(,"uri":"qemu:///system?socket=)", socket_there, "\"")};
    std::string stemcell = cpi.create_stemcell();
    std::string domains_before = domains();

    [[nodiscard]] std::string domains() const { return lab.ask({"virsh", "list", "--all", "--name"}); }
    [[nodiscard]] Reply create() { return cpi.try_create_vm(stemcell, 170); }
    void remove(const Reply& created)
    {
        const std::string vm = created.require_ok().result().items().front().string();
        CHECK(lab.ask({"virsh", "domstate", vm}) == "running");
        CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    }
    void check_nothing_is_left() const
    {
        CHECK(domains() == domains_before);
        for (const auto* kind : {"vms", ".in-progress"})
            CHECK(cpi.names_in(kind).empty());
        const std::set<std::string> claims = cpi.names_in("addresses");
        CHECK(std::ranges::none_of(
            claims, [](const auto& name) { return name.find("192.168.122.170") != name.npos; }));
    }
    /// Once with libvirtd restarted there, and what can be done then.
    void create_with_restart_at(std::size_t call, Lost what)
    {
        bool restarted = false;
        proxy->lose(static_cast<unsigned>(call), what, [&] {
            restarted = true;
            static_cast<void>(lab.ask({"root", "systemctl", "restart", "libvirtd"}));
        });
        const Reply reply = create();
        CHECK(restarted);
        CAPTURE(reply.message());
        if (reply.ok()) {
            remove(reply);
        } else {
            CHECK(reply.error_type() == "Bosh::Clouds::VMCreationFailed");
            CHECK(reply.envelope().at("error").at("ok_to_retry").boolean());
            remove(create());
        }
        check_nothing_is_left();
    }
};

} // namespace

TEST_CASE_FIXTURE(Creating,
                  "libvirtd that is restarted at any of create_vm's calls: there is a VM, or the next "
                  "create_vm makes one, with the same address, and nothing else is left")
{
    proxy->begin();
    const Reply undisturbed = create();
    const std::vector<int> procedures = proxy->called();
    remove(undisturbed);
    check_nothing_is_left();
    std::set<int> seen;
    for (std::size_t at = 0; at < procedures.size(); ++at) {
        if (!seen.insert(procedures[at]).second)
            continue;
        for (const Lost what : {Lost::call, Lost::answer}) {
            CAPTURE(procedures[at]);
            CAPTURE(static_cast<int>(what));
            create_with_restart_at(at + 1, what);
        }
    }
}

} // namespace cpi::test
