// What can only be seen beneath the executable: a hypervisor whose first choice fails when the VM starts.

#include "base/log.h"
#include "base/text.h"
#include "hypervisor/machines.h"
#include "live/lab.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

/// A domain without disks. That of type "kvm" is accepted by libvirt and fails when it starts, naming kvm, as
/// a domain does on a host whose KVM is there and does not work.
std::string doubtful_xml(const DomainSpec& spec)
{
    const std::string_view console =
        spec.domain_type == "kvm" ? "<serial type='file'><source path='/no/such/kvm/folder/log'/></serial>"
                                  : "";
    return concat("<domain type='qemu'><name>", spec.name, "</name><memory unit='MiB'>64</memory>",
                  "<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>", console,
                  "</devices></domain>");
}

} // namespace

TEST_CASE("a VM whose start fails for want of KVM is defined anew and started without")
{
    Log log;
    Libvirt libvirt{{lab_uri(), "virsh"}};
    Machinery doubtful = qemu_machinery();
    doubtful.domain_xml = &doubtful_xml;
    Machines machines{libvirt, doubtful, log};
    const VmCid vm{"vm-fallback-of-kvm"};

    DomainSpec spec;
    spec.name = vm.str();
    CHECK_THROWS_WITH_AS(machines.create(spec, Acceleration::kvm), doctest::Contains("/no/such/kvm"), Error);
    machines.remove(vm);
    machines.create(spec, Acceleration::automatic);
    CHECK(virsh({"domstate", vm.str()}).starts_with("running"));
    CHECK(machines.remove(vm));
    CHECK_FALSE(domain_exists(vm.str()));
}

} // namespace cpi::test
