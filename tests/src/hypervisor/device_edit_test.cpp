#include "hypervisor/device_edit.h"
#include "qemu/qemu.h"
#include "src/caught.h"
#include "xml/xml.h"

#include <numeric>

namespace cpi::test {

namespace {

const std::string three_disks = R"(<domain type='qemu'><name>vm-a</name><devices>
    <disk type='file' device='disk'><source file='/root'/><target dev='vda' bus='virtio'/>
      <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/></disk>
    <disk type='file' device='disk'><source file='/a'/><target dev='sdaz' bus='scsi'/><serial>disk-a</serial>
      <address type='drive' controller='0' bus='0' target='17' unit='0'/></disk>
    <disk type='file' device='disk'><source file='/b'/><target dev='sdba' bus='scsi'/><serial>disk-b</serial>
      <address type='drive' controller='0' bus='0' target='255' unit='0'/></disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/>
      <address type='drive' controller='0' bus='0' target='9' unit='0'/></disk>
    <hostdev><serial>disk-c</serial></hostdev>
  </devices></domain>)";

} // namespace

TEST_CASE("disks with serial numbers are found in a definition, in its order")
{
    const auto disks = disks_with_serials(three_disks);
    REQUIRE(disks.size() == 2);
    CHECK(disks.at(0).serial == "disk-a");
    CHECK(disks.at(1).serial == "disk-b");
    const auto element = xml::Document::parse(disks.at(1).device_xml, "it");
    CHECK(element.root().name() == "disk");
    CHECK(element.root().child("source")->attribute("file") == "/b");
    CHECK(element.root().child("address")->attribute("target") == "255");
}

TEST_CASE("a disk is found by its whole serial number or not at all")
{
    CHECK(find_disk(three_disks, "disk-a")->serial == "disk-a");
    CHECK_FALSE(find_disk(three_disks, "disk-"));
    CHECK_FALSE(find_disk(three_disks, "disk-ab"));
    CHECK_FALSE(find_disk(three_disks, "disk-c"));
    CHECK_FALSE(find_disk(three_disks, ""));
}

TEST_CASE("a definition without devices has no disks")
{
    CHECK(disks_with_serials("<domain/>").empty());
    CHECK(used_scsi_targets("<domain><devices/></domain>").empty());
    CHECK(caught([] { return disks_with_serials("not xml").size(); }).kind == ErrorKind::cloud);
}

TEST_CASE("the targets in use are those of scsi disks")
{
    CHECK(used_scsi_targets(three_disks) == std::set<unsigned>{17, 255});
}

TEST_CASE("what the CPI itself defines is found again")
{
    const std::string disk = qemu_machinery().disk_xml(
        {.file = "/d & d", .format = "qcow2", .bus = Bus::scsi, .position = 42, .serial = "disk-x"});
    const std::string domain = concat("<domain><devices>", disk, "</devices></domain>");
    CHECK(used_scsi_targets(domain) == std::set<unsigned>{42});
    CHECK(xml::Document::parse(find_disk(domain, "disk-x")->device_xml, "it").to_text() ==
          xml::Document::parse(disk, "it").to_text());
}

TEST_CASE("a free target is the same for the same disk, and is never one of the VM's own disks'")
{
    std::set<unsigned> seen;
    for (int i = 0; i < 2000; ++i) {
        const std::string serial = concat("disk-", i);
        const unsigned target = free_scsi_target({}, serial);
        CHECK(target == free_scsi_target({}, serial));
        CHECK(target >= 8);
        CHECK(target < 256);
        seen.insert(target);
    }
    CHECK(seen.size() > 200); // spread over nearly all 248
}

TEST_CASE("two disks seldom want the same target")
{
    int same = 0;
    for (int i = 0; i < 1000; ++i)
        if (free_scsi_target({}, concat("disk-", i)) == free_scsi_target({}, concat("disk-", i + 1)))
            ++same;
    CHECK(same < 30);
}

TEST_CASE("a free target is one that is not in use")
{
    const unsigned wanted = free_scsi_target({}, "disk-a");
    const unsigned next = free_scsi_target({wanted}, "disk-a");
    CHECK(next != wanted);
    std::set<unsigned> used;
    for (int i = 0; i < 248; ++i)
        CHECK(used.insert(free_scsi_target(used, "disk-a")).second);
    CHECK(*used.begin() == 8);
    CHECK(*used.rbegin() == 255);
}

TEST_CASE("a VM that has a disk at each target has no room for another")
{
    std::set<unsigned> used;
    for (unsigned target = 0; target < 256; ++target)
        used.insert(target);
    const Caught error = caught([&] { return free_scsi_target(used, "disk-a"); });
    CHECK(error.kind == ErrorKind::cloud);
    check_says(error.what, {"no room for another disk", "248"});
}

TEST_CASE("a backup job names every disk and copies one")
{
    const auto job =
        xml::Document::parse(backup_xml(three_disks, "disk-b", "qcow2", {.file = "/copy & more"}), "the job");
    CHECK(job.root().attribute("mode") == "push");
    std::string wanted;
    for (const auto& disk : job.root().child("disks")->children("disk"))
        wanted += concat(disk.attribute("name"), "=", disk.attribute("backup"), " ");
    CHECK(wanted == "vda=no sdaz=no sdba=yes sda=no ");
    const auto copied = job.root().child("disks")->children("disk").at(2);
    CHECK(copied.child("target")->attribute("file") == "/copy & more");
    CHECK(copied.child("driver")->attribute("type") == "qcow2");
}

TEST_CASE("a backup job writes an encrypted copy with the copy's own secret")
{
    const auto job = xml::Document::parse(
        backup_xml(three_disks, "disk-b", "qcow2", {.file = "/copy", .secret = "libvirt-cpi/snap-a"}),
        "the job");
    const auto encryption = job.root().child("disks")->children("disk").at(2).find("target/encryption");
    REQUIRE(encryption);
    CHECK(encryption->attribute("format") == "luks");
    CHECK(encryption->child("secret")->attribute("usage") == "libvirt-cpi/snap-a");
}

} // namespace cpi::test
