// QEMU's definitions: each is compared with tests/golden, held against libvirt's schema, and read by libvirt
// itself.

#include "qemu/qemu.h"
#include "src/caught.h"
#include "src/hypervisor/golden.h"
#include "virt/libvirt.h"
#include "xml/xml.h"

#include <algorithm>
#include <set>

namespace cpi::test {

namespace {

DomainSpec usual_spec(Bus bus = Bus::virtio)
{
    const Path place = "/var/vcap/store/libvirt/vms/vm-golden";
    return {.name = "vm-golden",
            .hardware = {.cpus = {2}, .memory = {2048}},
            .firmware = Firmware::bios,
            .root = {.file = place / "root.qcow2",
                     .format = "qcow2",
                     .bus = bus,
                     .position = 0,
                     .serial = {},
                     .base = BaseImage{place / "base.raw", "raw", true}},
            .ephemeral = DiskSpec{.file = place / "ephemeral.raw",
                                  .format = "raw",
                                  .bus = bus,
                                  .position = 1,
                                  .serial = "ephemeral"},
            .settings_medium = place / "settings.iso",
            .console_log = place / "console.log",
            .nics = {{{NicSource::Kind::network, "default"}, "52:54:00:00:00:01"}}};
}

/// The definition as libvirt gives it back.
xml::Document read_by_libvirt(const DomainSpec& spec, std::string_view type = "qemu")
{
    Libvirt libvirt{{"test:///default", "virsh"}};
    libvirt.define_domain(spec.name, qemu_machinery().domain_xml(spec, type));
    auto read =
        xml::Document::parse(libvirt.domain_xml(spec.name, Definition::inactive), "what libvirt read");
    libvirt.undefine_domain(spec.name, 0);
    CHECK_FALSE(libvirt.domain_exists(spec.name));
    return read;
}

xml::Document check_domain(std::string_view name, const DomainSpec& spec, std::string_view type = "qemu")
{
    const std::string text = qemu_machinery().domain_xml(spec, type);
    check_golden(concat("qemu-", name), text);
    check_schema(text, "domain");
    auto read = read_by_libvirt(spec, type);
    CHECK(read.root().child("name")->text() == spec.name);
    CHECK(read.root().child("memory")->text() == std::to_string(spec.hardware.memory.value * 1024));
    CHECK(read.root().child("vcpu")->text() == std::to_string(spec.hardware.cpus.value));
    return read;
}

/// What is plugged in where, sorted: "sdaa scsi root.qcow2, vda …".
std::string targets(const xml::Document& domain)
{
    std::vector<std::string> all;
    for (const auto& disk : domain.root().child("devices")->children("disk"))
        all.push_back(concat(disk.child("target")->attribute("dev"), " ",
                             disk.child("target")->attribute("bus"), " ",
                             Path{disk.child("source")->attribute("file")}.filename().native()));
    std::ranges::sort(all);
    return join(all, ", ");
}

} // namespace

TEST_CASE("a QEMU VM with virtio disks")
{
    const auto domain = check_domain("virtio", usual_spec());
    CHECK(targets(domain) == "sda sata settings.iso, vda virtio root.qcow2, vdb virtio ephemeral.raw");
    CHECK(domain.root().find("os/type")->attribute("machine").find("q35") != std::string::npos);
}

TEST_CASE("a QEMU VM with scsi disks has each at a target of its own")
{
    const auto domain = check_domain("scsi", usual_spec(Bus::scsi));
    CHECK(targets(domain) == "sda sata settings.iso, sdaa scsi root.qcow2, sdab scsi ephemeral.raw");
    std::set<std::string> places;
    for (const auto& disk : domain.root().child("devices")->children("disk"))
        if (disk.child("target")->attribute("bus") == "scsi")
            places.insert(disk.child("address")->attribute("target"));
    CHECK(places == std::set<std::string>{"0", "1"});
}

TEST_CASE("a QEMU VM with sata disks has its settings behind them")
{
    CHECK(targets(check_domain("sata", usual_spec(Bus::sata))) ==
          "sda sata root.qcow2, sdb sata ephemeral.raw, sdc sata settings.iso");
}

TEST_CASE("a QEMU VM with ide disks is of the machine that has IDE")
{
    const auto domain = check_domain("ide", usual_spec(Bus::ide));
    CHECK(targets(domain) == "hda ide root.qcow2, hdb ide ephemeral.raw, hdc ide settings.iso");
    CHECK(domain.root().find("os/type")->attribute("machine").find("q35") == std::string::npos);
}

TEST_CASE("a QEMU VM with UEFI has no secure boot, for stemcells are not signed")
{
    DomainSpec spec = usual_spec();
    spec.firmware = Firmware::uefi;
    const auto domain = check_domain("uefi", spec);
    CHECK(domain.root().child("os")->attribute("firmware") == "efi");
    CHECK(domain.root().find("os/firmware/feature")->attribute("enabled") == "no");
}

TEST_CASE("a QEMU VM by KVM has the host's processor, by emulation all that QEMU can")
{
    DomainSpec spec = usual_spec();
    CHECK(check_domain("kvm", spec, "kvm").root().child("cpu")->attribute("mode") == "host-passthrough");
    CHECK(read_by_libvirt(spec).root().child("cpu")->attribute("mode") == "maximum");
}

TEST_CASE("a QEMU VM without an ephemeral disk")
{
    DomainSpec spec = usual_spec();
    spec.ephemeral = std::nullopt;
    CHECK(targets(check_domain("no-ephemeral", spec)) == "sda sata settings.iso, vda virtio root.qcow2");
}

TEST_CASE("a QEMU VM's NICs keep their order, addresses and what they are plugged into")
{
    DomainSpec spec = usual_spec();
    spec.nics = {{{NicSource::Kind::network, "default"}, "52:54:00:00:00:01"},
                 {{NicSource::Kind::bridge, "br0"}, "52:54:00:00:00:02"}};
    const auto domain = check_domain("two-nics", spec);
    const auto nics = domain.root().child("devices")->children("interface");
    REQUIRE(nics.size() == 2);
    CHECK(nics.at(0).attribute("type") == "network");
    CHECK(nics.at(0).child("source")->attribute("network") == "default");
    CHECK(nics.at(0).child("mac")->attribute("address") == "52:54:00:00:00:01");
    CHECK(nics.at(1).attribute("type") == "bridge");
    CHECK(nics.at(1).child("source")->attribute("bridge") == "br0");
    CHECK(nics.at(1).child("model")->attribute("type") == "virtio");
}

TEST_CASE("a QEMU VM's NICs have what was said of each")
{
    DomainSpec spec = usual_spec();
    spec.nics = {
        {.source = {NicSource::Kind::network, "lan", "fast"},
         .mac = "52:54:00:00:00:01",
         .model = NicModel::e1000e,
         .mtu = 1400,
         .bandwidth = Bandwidth{Rate{100, 200, 300}, Rate{50}},
         .filter = "clean-traffic",
         .addresses = {"10.0.0.2", "10.0.0.3", "fd00::2"}},
        {.source = {NicSource::Kind::openvswitch, "ovs0"},
         .mac = "52:54:00:00:00:02",
         .vlan = Vlan{{7}, false},
         .bandwidth = Bandwidth{Rate{100}, Rate{50}}},
        {.source = {NicSource::Kind::openvswitch, "ovs0"},
         .mac = "52:54:00:00:00:03",
         .vlan = Vlan{{7, 8}, true}},
        {.source = {NicSource::Kind::direct, "eth0", {}, DirectMode::isolated}, .mac = "52:54:00:00:00:04"}};
    const auto domain = check_domain("nics", spec);
    const auto nics = domain.root().child("devices")->children("interface");
    REQUIRE(nics.size() == 4);
    CHECK(nics.at(0).child("source")->attribute("portgroup") == "fast");
    CHECK(nics.at(0).child("model")->attribute("type") == "e1000e");
    CHECK(nics.at(0).child("mtu")->attribute("size") == "1400");
    CHECK(nics.at(0).find("bandwidth/inbound")->attribute("burst") == "300");
    CHECK(nics.at(0).find("bandwidth/outbound")->attribute("average") == "50");
    const auto filter = nics.at(0).child("filterref");
    REQUIRE(filter);
    CHECK(filter->attribute("filter") == "clean-traffic");
    std::multiset<std::string> parameters;
    for (const auto& parameter : filter->children("parameter"))
        parameters.insert(concat(parameter.attribute("name"), "=", parameter.attribute("value")));
    CHECK(parameters == std::multiset<std::string>{"IP=10.0.0.2", "IP=10.0.0.3", "IPV6=fd00::2"});
    CHECK(nics.at(1).child("virtualport")->attribute("type") == "openvswitch");
    CHECK(nics.at(1).find("vlan/tag")->attribute("id") == "7");
    CHECK(nics.at(1).child("vlan")->attribute("trunk").empty());
    CHECK(nics.at(1).find("bandwidth/inbound")->attribute("peak") == "100"); // without it there is no limit
    CHECK(nics.at(1).find("bandwidth/outbound")->attribute("peak").empty());
    CHECK(nics.at(2).child("vlan")->attribute("trunk") == "yes");
    CHECK(nics.at(2).child("vlan")->children("tag").size() == 2);
    CHECK(nics.at(3).attribute("type") == "direct");
    CHECK(nics.at(3).child("source")->attribute("dev") == "eth0");
    CHECK(nics.at(3).child("source")->attribute("mode") == "private");
    CHECK_FALSE(nics.at(3).child("filterref"));
}

TEST_CASE("addresses are for filters: a NIC without one does not name them")
{
    DomainSpec spec = usual_spec();
    spec.nics.front().addresses = {"10.0.0.2"};
    CHECK(qemu_machinery().domain_xml(spec, "qemu").find("10.0.0.2") == std::string::npos);
}

TEST_CASE("awkward names arrive in libvirt as they are")
{
    const std::string folder = "/srv/a & b <c> 'd' \"e\" ä";
    DomainSpec spec = usual_spec();
    spec.root.file = Path{folder} / "root.qcow2";
    spec.console_log = Path{folder} / "console.log";
    spec.nics = {{{NicSource::Kind::network, "net & <1> 'x' \"y\" ä"}, "52:54:00:00:00:01"}};
    const auto domain = check_domain("awkward-names", spec);
    const auto devices = domain.root().child("devices");
    CHECK(devices->children("disk").at(0).child("source")->attribute("file") == folder + "/root.qcow2");
    CHECK(devices->child("interface")->child("source")->attribute("network") == "net & <1> 'x' \"y\" ä");
    CHECK(devices->find("serial/log")->attribute("file") == folder + "/console.log");
}

TEST_CASE("libvirt leaves the owner of a stemcell's image alone, and of no other")
{
    DomainSpec spec = usual_spec();
    const auto base_in = [](const xml::Document& domain) {
        return domain.root().child("devices")->child("disk")->child("backingStore");
    };
    const auto ours = read_by_libvirt(spec);
    REQUIRE(base_in(ours));
    CHECK(base_in(ours)->child("source")->attribute("file") == spec.root.base->file.native());
    CHECK(base_in(ours)->child("format")->attribute("type") == "raw");
    CHECK(base_in(ours)->find("source/seclabel")->attribute("relabel") == "no");
    spec.root.base->is_stemcells = false;
    CHECK_FALSE(base_in(read_by_libvirt(spec)));
}

TEST_CASE("a QEMU VM starts from its root disk and logs its console")
{
    const auto domain = read_by_libvirt(usual_spec());
    const auto devices = domain.root().child("devices");
    std::size_t bootable = 0;
    for (const auto& disk : devices->children("disk"))
        if (disk.child("boot")) {
            ++bootable;
            CHECK(disk.child("source")->attribute("file").ends_with("/root.qcow2"));
        }
    CHECK(bootable == 1);
    CHECK(devices->find("serial/log")->attribute("append") == "on");
    CHECK(devices->child("disk")->child("driver")->attribute("type") == "qcow2");
}

TEST_CASE("a persistent disk of a QEMU VM")
{
    const DiskSpec spec{.file = "/srv/a & b/disks/disk-golden/disk.qcow2",
                        .format = "qcow2",
                        .bus = Bus::scsi,
                        .position = 255,
                        .serial = "disk-golden"};
    const std::string text = qemu_machinery().disk_xml(spec);
    check_golden("qemu-disk", text);
    const auto document = xml::Document::parse(text, "it");
    CHECK(document.root().child("serial")->text() == "disk-golden");
    CHECK(document.root().child("address")->attribute("target") == "255");
    CHECK(document.root().child("target")->attribute("dev") == "sdjv");
    CHECK(document.root().child("source")->attribute("file") == spec.file.native());
}

TEST_CASE("no two disks that a VM can have at once have the same name")
{
    std::set<std::string> names;
    std::size_t disks = 0;
    const auto add = [&](Bus bus, unsigned position) {
        const auto document = xml::Document::parse(
            qemu_machinery().disk_xml(
                {.file = "/d", .format = "raw", .bus = bus, .position = position, .serial = {}}),
            "it");
        names.insert(document.root().child("target")->attribute("dev"));
        ++disks;
    };
    for (unsigned position = 0; position < 256; ++position)
        add(Bus::scsi, position);
    for (unsigned position = 0; position < 3; ++position)
        add(Bus::sata, position);
    for (unsigned position = 0; position < 2; ++position)
        add(Bus::virtio, position);
    CHECK(names.size() == disks);
    CHECK(names.contains("sdz") == false);
    CHECK(names.contains("sdaz"));
    CHECK(names.contains("sdba"));
}

TEST_CASE("what is left out of a disk's description is not in its definition")
{
    const std::string text = qemu_machinery().disk_xml(
        {.file = "/d", .format = "raw", .bus = Bus::virtio, .position = 0, .serial = {}});
    CHECK(text.find("<serial") == std::string::npos);
    CHECK(text.find("<address") == std::string::npos);
}

TEST_CASE("the same description gives the same text")
{
    CHECK(qemu_machinery().domain_xml(usual_spec(), "qemu") ==
          qemu_machinery().domain_xml(usual_spec(), "qemu"));
}

TEST_CASE("a persistent disk with everything that can be chosen")
{
    DiskSpec spec{.file = "/srv/disks/disk-golden/disk.raw",
                  .format = "raw",
                  .bus = Bus::scsi,
                  .position = 9,
                  .serial = "disk-golden",
                  .tuning = {.cache = Cache::directsync,
                             .io = Io::native,
                             .discard = Discard::ignore,
                             .iops = {500},
                             .read_bandwidth = {1024},
                             .write_bandwidth = {2048}},
                  .secret = "libvirt-cpi/disk-golden"};
    check_golden("qemu-disk-tuned", qemu_machinery().disk_xml(spec));
    DomainSpec domain = usual_spec();
    domain.root = spec;
    check_schema(qemu_machinery().domain_xml(domain, "qemu"), "domain");

    spec.tuning = {.io = Io::native};
    const auto native = xml::Document::parse(qemu_machinery().disk_xml(spec), "it");
    CHECK(native.root().child("driver")->attribute("cache") == "none");
    CHECK_FALSE(native.root().child("iotune"));
}

TEST_CASE("persistent disks on IDE and SATA come behind the VM's own disks and the drive")
{
    const Machinery& qemu = qemu_machinery();
    const auto place = [&](Bus bus, const std::set<unsigned>& used) {
        return qemu.free_position(used, {.file = "/f", .format = "raw", .bus = bus, .serial = "disk-a"});
    };
    const auto domain = [](Bus bus) { return qemu_machinery().domain_xml(usual_spec(bus), "qemu"); };
    CHECK(qemu.used_positions(domain(Bus::ide), Bus::ide) == std::set<unsigned>{0, 1, 2});
    CHECK(qemu.used_positions(domain(Bus::sata), Bus::sata) == std::set<unsigned>{0, 1, 2});
    CHECK(qemu.used_positions(domain(Bus::virtio), Bus::sata) == std::set<unsigned>{0});
    CHECK(place(Bus::ide, {0, 1, 2}) == 3);
    CHECK(place(Bus::sata, {0, 1, 2}) == 3);
    CHECK(place(Bus::sata, {0}) == 3);
    CHECK(place(Bus::sata, {0, 1, 2, 3, 5}) == 4);
    CHECK(place(Bus::scsi, {}) == free_scsi_target({}, "disk-a"));
    check_says(caught([&] { return place(Bus::ide, {0, 1, 2, 3}); }).what, {"1 of 1 places are taken"});
}

TEST_CASE(
    "a QEMU guest finds a persistent disk by the bus that it is on, whatever the configuration says by now")
{
    const DiskSpec disk{.file = "/f", .format = "raw", .bus = Bus::scsi, .serial = "disk-1"};
    CHECK(qemu_machinery().hint(disk, {"sdd", "sata"}).path == "/dev/disk/by-id/ata-QEMU_HARDDISK_disk-1");
    CHECK(qemu_machinery().hint(disk, {"sdd", "scsi"}).path ==
          "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_disk-1");
}

} // namespace cpi::test
