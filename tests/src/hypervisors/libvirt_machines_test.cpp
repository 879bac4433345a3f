// With QEMU's definitions against libvirt's `test` driver: it runs nothing, and its VMs do all that they are
// told.

#include "base/log.h"
#include "by_libvirt/libvirt_machines.h"
#include "host/local_host.h"
#include "qemu/qemu.h"
#include "records/layout.h"
#include "src/caught.h"
#include "support/temp_dir.h"
#include "xml/xml.h"

namespace cpi::test {

namespace {

const VmCid vm{"vm-a"};
const VmCid absent{"vm-absent"};
const DiskCid disk{"disk-a"};

DomainSpec spec_of(const std::string& name)
{
    return {.name = name,
            .hardware = {.cpus = {1}, .memory = {64}},
            .firmware = Firmware::bios,
            .root = {.file = "/vms/root.qcow2",
                     .format = "qcow2",
                     .bus = Bus::virtio,
                     .position = 0,
                     .serial = {}},
            .ephemeral = std::nullopt,
            .settings_medium = "/vms/settings.iso",
            .console_log = "/vms/console.log",
            .nics = {}};
}

/// What the `test` driver undefines without flags.
Machinery machinery_for_test_driver()
{
    Machinery machinery = qemu_machinery();
    machinery.undefine_flags = 0;
    return machinery;
}

struct Fixture {
    Libvirt libvirt{{"test:///default", "virsh"}};
    LocalHost host;
    Layout layout{"/store"};
    Log log;
    Machinery machinery = machinery_for_test_driver();
    LibvirtMachines machines{{libvirt, host, layout, log}, machinery};

    Fixture() { machines.create(spec_of(vm.str())); }

    [[nodiscard]] xml::Document definition()
    {
        return xml::Document::parse(libvirt.domain_xml(vm.str(), Definition::inactive), "it");
    }
};

/// A hypervisor whose VMs stand still while a disk is copied.
struct Pausing {
    TempDir folder;
    Libvirt libvirt{{"test:///default", "virsh"}};
    LocalHost host;
    Layout layout{folder.path()};
    Log log;
    Machinery machinery = machinery_for_test_driver();
    LibvirtMachines machines{{libvirt, host, layout, log}, machinery};
    Path image = folder.path() / "image";
    Path copy = folder.path() / "copy";

    Pausing()
    {
        machinery.copies_disks_in_use = CopyInUse::while_suspended;
        std::filesystem::create_directories(layout.of(vm));
        host.publish(layout.of(vm) / file_name::vm_record, "{}", Access::owner);
        host.publish(image, "contents", Access::owner);
        machines.create(spec_of(vm.str()));
    }

    [[nodiscard]] Caught copying()
    {
        return caught([&] {
            machines.copy_disk(vm, disk, {.file = image, .format = "raw"}, {.file = copy});
            return 0;
        });
    }
    /// False: it stood still.
    [[nodiscard]] bool runs() { return !libvirt.resume_domain(vm.str()); }
};

} // namespace

TEST_CASE_FIXTURE(Pausing, "a VM that stood still for a copy goes on")
{
    CHECK(copying().what == "(nothing was thrown)");
    CHECK(host.read(copy) == "contents");
    CHECK(runs());
}

TEST_CASE_FIXTURE(Pausing, "a VM that somebody has suspended stays so when a disk is copied")
{
    REQUIRE(libvirt.suspend_domain(vm.str()));
    CHECK_FALSE(libvirt.suspend_domain(vm.str()));
    CHECK(copying().what == "(nothing was thrown)");
    CHECK_FALSE(runs());
}

TEST_CASE_FIXTURE(Pausing, "a VM goes on when the copy fails")
{
    host.discard(image);
    check_says(copying().what, {"image"});
    CHECK(runs());
}

TEST_CASE_FIXTURE(Pausing, "a VM that a killed copy has left suspended goes on, not one that is being copied")
{
    REQUIRE(libvirt.suspend_domain(vm.str()));
    {
        const auto other = host.try_lock(layout.of(vm) / file_name::vm_record);
        REQUIRE(other);
        machines.abandon_copy(vm, disk, "snap-a");
    }
    CHECK_FALSE(runs()); // which let it go on
    REQUIRE(libvirt.suspend_domain(vm.str()));
    machines.abandon_copy(vm, disk, "snap-a");
    CHECK(runs());
    machines.abandon_copy(vm, disk, "snap-a");
    machines.abandon_copy(absent, disk, "snap-a");
}

TEST_CASE_FIXTURE(Fixture, "a created VM exists and runs")
{
    CHECK(machines.exists(vm));
    CHECK(libvirt.domain_state("vm-a") == DomainState::running);
    CHECK(definition().root().attribute("type") == "kvm");
}

TEST_CASE_FIXTURE(Fixture, "a VM is created by KVM, by emulation, or by what works best")
{
    DomainSpec spec = spec_of("vm-b");
    spec.acceleration = Acceleration::emulation;
    machines.create(spec);
    spec = spec_of("vm-c");
    spec.acceleration = Acceleration::kvm;
    machines.create(spec);
    const auto type = [&](const std::string& name) {
        return xml::Document::parse(libvirt.domain_xml(name, Definition::inactive), "it")
            .root()
            .attribute("type");
    };
    CHECK(type("vm-b") == "qemu");
    CHECK(type("vm-c") == "kvm");
}

TEST_CASE_FIXTURE(Fixture, "a VM that the CPI did not make does not exist for it, whatever libvirt has")
{
    const VmCid theirs{"test"};
    REQUIRE(libvirt.domain_exists("test"));
    CHECK_FALSE(machines.exists(theirs));
    CHECK_FALSE(machines.remove(theirs));
    CHECK_FALSE(machines.has_disk(theirs, disk));
    for (const auto& error : {caught([&] {
                                  machines.reboot(theirs, std::chrono::seconds{1});
                                  return 0;
                              }),
                              caught([&] {
                                  machines.annotate(theirs, {{"name", "x"}});
                                  return 0;
                              }),
                              caught([&] { return machines.persistent_disks(theirs); }), caught([&] {
                                  return machines.attach(theirs, disk, {.file = "/d", .format = "raw"});
                              }),
                              caught([&] { return machines.detach(theirs, disk); })}) {
        CHECK(error.kind == ErrorKind::vm_not_found);
        check_says(error.what, {"VM 'test' not found"});
    }
    CHECK(libvirt.domain_state("test") == DomainState::running);
}

TEST_CASE_FIXTURE(Fixture, "removing a VM stops and forgets it, and removing none is an answer")
{
    CHECK(machines.remove(vm));
    CHECK_FALSE(machines.exists(vm));
    CHECK_FALSE(libvirt.domain_exists("vm-a"));
    CHECK_FALSE(machines.remove(vm));
    CHECK_FALSE(machines.remove(absent));
}

TEST_CASE_FIXTURE(Fixture, "a VM that is off is removed too")
{
    libvirt.destroy_domain("vm-a");
    CHECK(machines.remove(vm));
    CHECK_FALSE(libvirt.domain_exists("vm-a"));
}

TEST_CASE_FIXTURE(Fixture, "an absent VM is vm_not_found wherever it is needed")
{
    for (const auto& error : {caught([&] {
                                  machines.reboot(absent, std::chrono::seconds{1});
                                  return 0;
                              }),
                              caught([&] {
                                  machines.annotate(absent, {});
                                  return 0;
                              }),
                              caught([&] { return machines.persistent_disks(absent); }), caught([&] {
                                  return machines.attach(absent, disk, {.file = "/d", .format = "raw"});
                              }),
                              caught([&] { return machines.detach(absent, disk); })}) {
        CHECK(error.kind == ErrorKind::vm_not_found);
        CHECK(error.what == "VM 'vm-absent' not found");
    }
    CHECK_FALSE(machines.has_disk(absent, disk));
}

TEST_CASE_FIXTURE(Fixture, "a VM runs after a reboot, whether it ran before or not")
{
    machines.reboot(vm, std::chrono::seconds{5});
    CHECK(libvirt.domain_state("vm-a") == DomainState::running);
    libvirt.destroy_domain("vm-a");
    machines.reboot(vm, std::chrono::seconds{5});
    CHECK(libvirt.domain_state("vm-a") == DomainState::running);
}

TEST_CASE_FIXTURE(Fixture, "a VM's tags are its description, and its name the title")
{
    machines.annotate(vm, {{"name", "web/0"}, {"job", "web"}, {"index", "0"}});
    CHECK(definition().root().child("title")->text() == "web/0");
    CHECK(definition().root().child("description")->text() == "index: 0\njob: web\nname: web/0\n");
    const auto document = definition();
    const auto tags = document.root().find("metadata/cpi:tags");
    REQUIRE(tags);
    CHECK(tags->attribute("xmlns:cpi") == "urn:libvirt-cpi:tags:1");
    CHECK(tags->children().size() == 3);
    CHECK(tags->children().at(1).attribute("key") == "job");
    CHECK(tags->children().at(1).text() == "web");
}

TEST_CASE_FIXTURE(Fixture, "a VM without a name among its tags keeps its cid as the title")
{
    machines.annotate(vm, {});
    CHECK(definition().root().child("title")->text() == "vm-a");
}

TEST_CASE_FIXTURE(Fixture, "new tags replace the ones before")
{
    machines.annotate(vm, {{"a", "1"}, {"b", "2"}});
    machines.annotate(vm, {{"a", "3"}});
    const auto document = definition();
    CHECK(document.root().find("metadata/cpi:tags")->children().size() == 1);
    CHECK(document.root().child("description")->text() == "a: 3\n");
}

TEST_CASE_FIXTURE(Fixture, "tags of any content are taken")
{
    using namespace std::string_literals;
    const std::vector<std::map<std::string, std::string>> all{
        {{"name", "two\nlines\r\nand\x01 control\x1b characters\0x"s}},
        {{"name", "<web> & \"co\" 'x' ]]>"}, {"<key> & \"co\"", "]]> <!-- "}},
        {{"name", "😀 ä \xff\xc0\xaf"}, {"\xed\xa0\x80", "\xef\xbf\xbe"}},
        {{"name", ""}, {"", ""}},
        {{"name", std::string(100'000, 'x')}, {"large", std::string(100'000, '<')}},
        {{"a\nb", "c\nd"}},
        {{"name", "\n"}},
        {{"name", "  "}, {"blank", " "}},
    };
    for (const auto& tags : all) {
        CAPTURE(tags.begin()->second.substr(0, 50));
        const Caught error = caught([&] {
            machines.annotate(vm, tags);
            return 0;
        });
        CHECK(error.what == "(nothing was thrown)");
    }
    machines.annotate(vm, all.at(1));
    CHECK(definition().root().child("title")->text() == all.at(1).at("name"));
    CHECK(definition().root().find("metadata/cpi:tags")->children().at(0).text() == "]]> <!-- ");
    machines.annotate(vm, all.at(0));
    CHECK(definition().root().child("title")->text() ==
          "two lines  and\xef\xbf\xbd control\xef\xbf\xbd characters\xef\xbf\xbdx");
    machines.annotate(vm, all.at(4));
    CHECK(definition().root().child("title")->text().size() == 100'000);
}

TEST_CASE_FIXTURE(Fixture, "a disk that a VM does not have is not detached from it")
{
    CHECK_FALSE(machines.detach(vm, disk));
}

TEST_CASE_FIXTURE(Fixture, "only disks that the CPI made are told of")
{
    DomainSpec spec = spec_of("vm-b");
    spec.ephemeral =
        DiskSpec{.file = "/e", .format = "raw", .bus = Bus::virtio, .position = 1, .serial = "ephemeral"};
    spec.acceleration = Acceleration::emulation;
    machines.create(spec);
    CHECK(machines.persistent_disks(VmCid{"vm-b"}).empty());
}

TEST_CASE_FIXTURE(Fixture, "disks of a definition are told of in its order")
{
    std::string xml = machinery.domain_xml(spec_of("vm-d"), "qemu");
    std::string disks;
    for (unsigned n = 0; n < 3; ++n)
        disks += machinery.disk_xml({.file = concat("/d", n),
                                     .format = "raw",
                                     .bus = Bus::scsi,
                                     .position = 8 + n,
                                     .serial = concat("disk-", n)});
    xml.insert(xml.find("</devices>"), disks);
    libvirt.define_domain("vm-d", xml);
    CHECK(machines.persistent_disks(VmCid{"vm-d"}) ==
          std::vector<DiskCid>{DiskCid{"disk-0"}, DiskCid{"disk-1"}, DiskCid{"disk-2"}});
    CHECK(machines.has_disk(VmCid{"vm-d"}, DiskCid{"disk-1"}));
    CHECK_FALSE(machines.has_disk(VmCid{"vm-d"}, DiskCid{"disk-9"}));
    CHECK(machines
              .attach(VmCid{"vm-d"}, DiskCid{"disk-2"},
                      {.file = "/other", .format = "raw", .bus = Bus::scsi, .serial = "disk-2"})
              .path == "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_disk-2");
}

TEST_CASE_FIXTURE(Fixture, "a VM runs by emulation where KVM is what does not work")
{
    machinery.domain_xml = [](const DomainSpec& spec, std::string_view type) {
        return type == "kvm"
                   ? std::string{"<domain type='no-kvm'><name>vm-b</name><memory>1024</memory></domain>"}
                   : qemu_machinery().domain_xml(spec, type);
    };
    machines.create(spec_of("vm-b"));
    CHECK(libvirt.domain_state("vm-b") == DomainState::running);
    CHECK(xml::Document::parse(libvirt.domain_xml("vm-b", Definition::live), "it").root().attribute("type") ==
          "qemu");
}

TEST_CASE_FIXTURE(Fixture, "a VM that must have KVM does not run by emulation")
{
    machinery.domain_xml = [](const DomainSpec& spec, std::string_view type) {
        return type == "kvm"
                   ? std::string{"<domain type='no-kvm'><name>vm-b</name><memory>1024</memory></domain>"}
                   : qemu_machinery().domain_xml(spec, type);
    };
    check_says(caught([&] {
                   DomainSpec spec = spec_of("vm-b");
                   spec.acceleration = Acceleration::kvm;
                   machines.create(spec);
                   return 0;
               }).what,
               {"defining VM vm-b: libvirt says: ", "no-kvm"});
    CHECK_FALSE(machines.exists(VmCid{"vm-b"}));
}

TEST_CASE_FIXTURE(Fixture, "a VM that fails for another reason is not tried by emulation")
{
    machinery.domain_xml = [](const DomainSpec& spec, std::string_view type) {
        return type == "kvm" ? std::string{"<domain type='kvm' />"} : qemu_machinery().domain_xml(spec, type);
    };
    CHECK(caught([&] {
              machines.create(spec_of("vm-b"));
              return 0;
          }).kind == ErrorKind::cloud);
    CHECK_FALSE(machines.exists(VmCid{"vm-b"}));
}

TEST_CASE("a VM that cannot be defined leaves nothing, and the error is libvirt's")
{
    Libvirt libvirt{{"test:///default", "virsh"}};
    LocalHost host;
    const Layout layout{"/store"};
    Log log;
    const Machinery machinery = machinery_for_test_driver();
    LibvirtMachines machines{{libvirt, host, layout, log}, machinery};
    DomainSpec spec = spec_of("vm-b");
    spec.hardware.cpus = {0};
    const Caught error = caught([&] {
        machines.create(spec);
        return 0;
    });
    CHECK(error.kind == ErrorKind::cloud);
    check_says(error.what, {"defining VM vm-b: libvirt says: "});
    CHECK_FALSE(machines.exists(VmCid{"vm-b"}));
}

TEST_CASE("a daemon that is not there is an error and not an absent VM")
{
    Libvirt libvirt{{"qemu+unix:///system?socket=/no/such/socket", "virsh"}};
    LocalHost host;
    const Layout layout{"/store"};
    Log log;
    LibvirtMachines machines{{libvirt, host, layout, log}, qemu_machinery()};
    CHECK(caught([&] { return machines.exists(vm); }).kind == ErrorKind::cloud);
    CHECK(caught([&] { return machines.remove(vm); }).kind == ErrorKind::cloud);
    CHECK(caught([&] { return machines.has_disk(vm, disk); }).kind == ErrorKind::cloud);
}

} // namespace cpi::test
