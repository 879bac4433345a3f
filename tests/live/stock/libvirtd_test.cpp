// libvirtd is restarted in the midst of create_vm, as an update of its package does it.

#include "base/text.h"
#include "conformance/lab.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace cpi::test {

namespace {

constexpr std::string_view gate = "/run/gate";

/// tests/lab/gate on the host, before libvirtd.
class Gate : private Pinned {
public:
    explicit Gate(const Lab& lab) : lab_{lab}
    {
        lab_.put(SOURCE_DIR "/tests/lab/gate", "/run/gate.program");
        static_cast<void>(
            lab_.ask({"root", "systemd-run", "--quiet", "--collect", "--unit=gate", "/run/gate.program",
                      std::string{gate}, "/run/libvirt/libvirt-sock", "systemctl", "restart", "libvirtd"}));
        static_cast<void>(
            lab_.ask({"root", "sh", "-c", concat("until [ -S ", gate, " ]; do sleep 0.2; done")}));
    }
    ~Gate()
    {
        if (lab_.try_run({"systemctl", "stop", "gate"}).status != 0)
            MESSAGE("the gate stays");
    }

    /// From the next connection on: "before" or "after" this call, the first is 1.
    void restart_at(std::size_t call, std::string_view when) const
    {
        const std::string file = concat(gate, ".at");
        static_cast<void>(lab_.run({"tee", file + ".new"}, concat(call, " ", when)));
        static_cast<void>(lab_.run({"mv", file + ".new", file}));
    }
    /// The procedures that were called since then.
    [[nodiscard]] std::vector<std::string> calls() const
    {
        return split(lab_.run({"cat", concat(gate, ".calls")}), '\n');
    }

private:
    const Lab& lab_;
};

struct Creating {
    Lab lab;
    Gate at_gate{lab};
    LabCpi cpi{lab, concat(R"(,"uri":"qemu:///system?socket=)", gate, "\"")};
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
    void create_with_restart_at(std::size_t call, std::string_view when)
    {
        at_gate.restart_at(call, when);
        const Reply reply = create();
        CAPTURE(reply.message());
        if (reply.ok()) {
            remove(reply);
        } else {
            CHECK(reply.error_type() == "Bosh::Clouds::CloudError");
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
    at_gate.restart_at(0, "never");
    const Reply undisturbed = create();
    const std::vector<std::string> calls = at_gate.calls();
    remove(undisturbed);
    check_nothing_is_left();
    MESSAGE("calls: ", join(calls, " "));
    std::set<std::string> seen;
    for (std::size_t at = 0; at < calls.size(); ++at) {
        if (!seen.insert(calls[at]).second)
            continue;
        for (const auto* when : {"before", "after"}) {
            CAPTURE(at);
            CAPTURE(calls[at]);
            CAPTURE(when);
            create_with_restart_at(at + 1, when);
        }
    }
}

} // namespace cpi::test
