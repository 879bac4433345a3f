// Xen's definitions: each is compared with tests/golden and held against libvirt's schema.

#include "hypervisor/device_edit.h"
#include "src/caught.h"
#include "src/hypervisor/golden.h"
#include "xen/xen.h"
#include "xen/xen_properties.h"
#include "xml/xml.h"

namespace cpi::test {

namespace {

DomainSpec usual_spec(Virtualization virtualization)
{
    const Path place = "/var/vcap/store/libvirt/vms/vm-golden";
    return {.name = "vm-golden",
            .hardware = {.cpus = {2}, .memory = {2048}},
            .root = {.file = place / "root.qcow2", .format = "qcow2", .bus = Bus::xen},
            .ephemeral = DiskSpec{.file = place / "ephemeral.raw",
                                  .format = "raw",
                                  .bus = Bus::xen,
                                  .position = 1,
                                  .serial = "ephemeral"},
            .settings_medium = place / "settings.iso",
            .console_log = place / "console.log",
            .nics = {{{NicSource::Kind::network, "default"}, "52:54:00:00:00:01"},
                     {{NicSource::Kind::bridge, "br0"}, "52:54:00:00:00:02"}},
            .own = XenProperties{virtualization}};
}

xml::Document check_domain(std::string_view name, Virtualization virtualization)
{
    const std::string text = xen_machinery().domain_xml(usual_spec(virtualization), "xen");
    check_golden(name, text);
    check_schema(text, "domain");
    return xml::Document::parse(text, "it");
}

std::string devices(const xml::Document& domain)
{
    std::vector<std::string> names;
    for (const auto& target : disk_targets(domain.to_text()))
        names.push_back(target.device);
    return join(names, " ");
}

std::string disk_at(unsigned position)
{
    return xen_machinery().disk_xml({.file = "/disks/a & b/disk.qcow2",
                                     .format = "qcow2",
                                     .bus = Bus::xen,
                                     .position = position,
                                     .serial = concat("disk-", position)});
}

} // namespace

TEST_CASE("a Xen VM of each kind")
{
    CHECK(devices(check_domain("xen-pv", Virtualization::pv)) == "xvda xvdb xvdd");
    CHECK(devices(check_domain("xen-pvh", Virtualization::pvh)) == "xvda xvdb xvdd");
    CHECK(devices(check_domain("xen-hvm", Virtualization::hvm)) == "sda sdb hdc");
}

TEST_CASE("a Xen VM's settings are on a disk without a driver, or on a CD-ROM where it has a BIOS")
{
    const auto settings_of = [](Virtualization virtualization) {
        const std::string text = xen_machinery().domain_xml(usual_spec(virtualization), "xen");
        const auto domain = xml::Document::parse(text, "it");
        const auto disk = domain.root().child("devices")->children("disk").back();
        CHECK(disk.child("source")->attribute("file").ends_with("/settings.iso"));
        CHECK(disk.child("readonly"));
        return concat(disk.attribute("device"), disk.child("driver") ? " driver" : "");
    };
    CHECK(settings_of(Virtualization::pv) == "disk");
    CHECK(settings_of(Virtualization::pvh) == "disk");
    CHECK(settings_of(Virtualization::hvm) == "cdrom driver");
}

TEST_CASE("a Xen VM's persistent disk has the next free letter, which is what the guest finds it by")
{
    const Machinery& xen = xen_machinery();
    check_golden("xen-disk", disk_at(4));
    CHECK(target_of_disk(disk_at(4)).device == "xvde");
    CHECK(target_of_disk(disk_at(25)).device == "xvdz");
    const DiskHint hint = xen.hint({.file = "/f", .format = "raw"}, {"xvde", "xen"});
    CHECK(hint.path == "/dev/xvde");
    CHECK(hint.id.empty());

    std::string domain = xen.domain_xml(usual_spec(Virtualization::pv), "xen");
    const DiskSpec another{.file = "/f", .format = "raw", .bus = Bus::xen};
    CHECK(xen.used_positions(domain, Bus::xen) == std::set<unsigned>{0, 1, 3});
    CHECK(xen.free_position(xen.used_positions(domain, Bus::xen), another) == 4);
    domain.insert(domain.find("</devices>"), concat(disk_at(4), disk_at(6)));
    check_schema(domain, "domain");
    CHECK(xen.free_position(xen.used_positions(domain, Bus::xen), another) == 5);

    std::set<unsigned> used;
    for (unsigned place = 0; place < 22; ++place)
        CHECK(used.insert(xen.free_position(used, another)).second);
    CHECK(used.contains(25));
    check_says(caught([&] { return xen.free_position(used, another); }).what,
               {"no room for another disk: 22 of 22 places are taken"});
}

TEST_CASE("a Xen guest finds its ephemeral disk behind the root disk, whatever the storage controller is")
{
    const Hypervisor& xen = xen_row();
    CHECK(xen.hint({.file = "/f", .format = "raw", .bus = Bus::xen, .position = 1}).path == "/dev/xvdb");
    CHECK(xen.system_bus(StorageController::ide) == Bus::xen);
    CHECK(xen.system_bus(StorageController::virtio) == Bus::xen);
    CHECK_FALSE(xen.boots_uefi);
}

} // namespace cpi::test
