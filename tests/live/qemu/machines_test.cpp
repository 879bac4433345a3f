// What can only be seen beneath the executable: a hypervisor whose first choice fails when the VM starts.

#include "base/log.h"
#include "base/text.h"
#include "conformance/qemu_lab.h"
#include "host/local_host.h"
#include "qemu/qemu.h"
#include "records/layout.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

/// A domain without disks. That of type "kvm" is accepted by libvirt and fails when it starts, naming kvm, as
/// a domain does on a host whose KVM is there and does not work.
std::string doubtful_xml(const DomainSpec& spec, std::string_view type)
{
    const std::string_view console =
        type == "kvm" ? "<serial type='file'><source path='/no/such/kvm/folder/log'/></serial>" : "";
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
    LocalHost host;
    const Layout layout{"/store"};
    LibvirtMachines machines{{libvirt, host, layout, log}, doubtful};
    const VmCid vm{"vm-fallback-of-kvm"};

    DomainSpec spec;
    spec.name = vm.str();
    spec.acceleration = Acceleration::kvm;
    CHECK_THROWS_WITH_AS(machines.create(spec), doctest::Contains("/no/such/kvm"), Error);
    machines.remove(vm);
    spec.acceleration = Acceleration::automatic;
    machines.create(spec);
    CHECK(virsh({"domstate", vm.str()}).starts_with("running"));
    CHECK(machines.remove(vm));
    CHECK_FALSE(domain_exists(vm.str()));
}

} // namespace cpi::test
