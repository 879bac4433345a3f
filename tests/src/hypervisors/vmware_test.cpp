// VMware's definitions: compared with tests/golden and held against libvirt's schema. tests/live/vmware has
// libvirt's driver read them.

#include "base/log.h"
#include "host/local_host.h"
#include "records/layout.h"
#include "src/caught.h"
#include "src/hypervisor/golden.h"
#include "virt/libvirt.h"
#include "vmware/vmrun.h"
#include "vmware/vmware.h"
#include "vmware/vmware_definition.h"
#include "xml/xml.h"

#include <algorithm>

namespace cpi::test {

namespace {

constexpr const char* uuid = "6f3ad5c0-1111-4222-8333-444455556666";

DomainSpec usual_spec(Bus bus = Bus::scsi)
{
    const Path place = "/var/vcap/store/libvirt/vms/vm-golden";
    return {.name = "vm-golden",
            .hardware = {.cpus = {2}, .memory = {2046}},
            .firmware = Firmware::bios,
            .root = {.file = place / "root.vmdk", .format = "vmdk", .bus = bus, .position = 0, .serial = {}},
            .ephemeral = DiskSpec{.file = place / "ephemeral.vmdk",
                                  .format = "vmdk",
                                  .bus = bus,
                                  .position = 1,
                                  .serial = "ephemeral"},
            .settings_medium = place / "settings.iso",
            .console_log = place / "console.log",
            .nics = {{{NicSource::Kind::network, "nat"}, "52:54:00:00:00:01", NicModel::vmxnet3}}};
}

DiskSpec persistent(const std::string& cid, unsigned position)
{
    return {.file = concat("/var/vcap/store/libvirt/disks/", cid, "/disk.vmdk"),
            .format = "vmdk",
            .bus = Bus::scsi,
            .position = position,
            .serial = cid};
}

std::string usual_record()
{
    return vmware::record_of(usual_spec(), uuid);
}

void check_definition(std::string_view name, const std::string& record)
{
    check_golden(concat("vmware-", name), record);
    check_schema(record, "domain");
}

/// "sda scsi root.vmdk", … in the definition's order.
std::string targets(const std::string& record)
{
    const auto document = xml::Document::parse(record, "it");
    std::vector<std::string> all;
    for (const auto& disk : document.root().child("devices")->children("disk"))
        all.push_back(concat(disk.child("target")->attribute("dev"), " ",
                             disk.child("target")->attribute("bus"), " ",
                             Path{disk.child("source")->attribute("file")}.filename().native()));
    return join(all, ", ");
}

Caught checked(const Nic& nic)
{
    return caught([&] {
        vmware::check_nic(nic);
        return 0;
    });
}

} // namespace

TEST_CASE("a VMware VM has its disks on SCSI, and memory in steps of 4 MiB")
{
    const std::string record = usual_record();
    check_definition("scsi", record);
    CHECK(targets(record) == "sda scsi root.vmdk, sdb scsi ephemeral.vmdk, hdc ide settings.iso");
    check_says(record, {">2048</memory>"});
    CHECK(vmware::definition_of(record) == record);
}

TEST_CASE("a VMware VM's own disks can be on IDE, and then no persistent disk would be found")
{
    const std::string record = vmware::record_of(usual_spec(Bus::ide), uuid);
    check_definition("ide", record);
    CHECK(targets(record) == "hda ide root.vmdk, hdb ide ephemeral.vmdk, hdc ide settings.iso");
    const Caught error = caught([&] { return vmware::free_unit(record); });
    CHECK(error.kind == ErrorKind::not_supported);
    check_says(error.what, {"root disk on IDE", "Try: storage_controller SCSI"});
}

TEST_CASE("a VMware VM with UEFI is recorded as one, libvirt is not told, and VMware is")
{
    DomainSpec spec = usual_spec();
    spec.firmware = Firmware::uefi;
    const std::string record = vmware::record_of(spec, uuid);
    check_definition("uefi", record);
    CHECK(vmware::definition_of(record) == usual_record());
    check_says(vmware::finished_vmx("a = \"b\"\n", record), {"\nfirmware = \"efi\"\n"});
    CHECK(vmware::finished_vmx("a = \"b\"\n", usual_record()).find("firmware") == std::string::npos);
}

TEST_CASE("a VMware VM's NICs are plugged into VMware's networks")
{
    using Kind = NicSource::Kind;
    DomainSpec spec = usual_spec();
    spec.nics = {{{Kind::network, "default"}, "52:54:00:00:00:01", NicModel::vmxnet3},
                 {{Kind::network, "bridged"}, "00:0c:29:00:00:02", NicModel::e1000},
                 {{Kind::bridge, "br0"}, "00:50:56:00:00:03", NicModel::e1000e},
                 {{Kind::network, "vmnet2"}, "00:50:56:80:00:04", NicModel::vmxnet3},
                 {{Kind::bridge, "vmnet3"}, "02:00:00:00:00:05", NicModel::vmxnet3}};
    const std::string record = vmware::record_of(spec, uuid);
    check_definition("nics", record);
    const auto document = xml::Document::parse(record, "it");
    std::string all;
    for (const auto& nic : document.root().child("devices")->children("interface")) {
        const auto source = nic.child("source");
        const auto target = nic.child("target");
        all += concat(nic.attribute("type"), " ", source ? source->attribute("bridge") : "-", " ",
                      target ? target->attribute("dev") : "-", "; ");
    }
    CHECK(all == "user - -; bridge bridged -; bridge br0 -; bridge vmnet2 /dev/vmnet2; "
                 "bridge vmnet3 /dev/vmnet3; ");
    spec.nics.resize(11, spec.nics.front());
    CHECK(caught([&] { return vmware::record_of(spec, uuid); }).kind == ErrorKind::not_supported);
}

TEST_CASE("networks and cards that VMware does not have are refused by name")
{
    using Kind = NicSource::Kind;
    const auto nic = [](const std::string& network, NicModel model = NicModel::vmxnet3) {
        return Nic{{Kind::network, network}, "52:54:00:00:00:01", model};
    };
    for (const auto* name : {"default", "nat", "bridged", "vmnet0", "vmnet255"})
        CHECK(checked(nic(name)).what == "(nothing was thrown)");
    for (const auto* name : {"lan", "vmnet", "vmnet256", "vmnet1x", "vmnet-1", ""}) {
        CAPTURE(name);
        const Caught error = checked(nic(name));
        CHECK(error.kind == ErrorKind::network_not_found);
        check_says(error.what, {concat("network '", name, "'"), "'nat'", "'bridged'"});
    }
    for (const NicModel model : {NicModel::virtio, NicModel::rtl8139}) {
        const Caught error = checked(nic("nat", model));
        CHECK(error.kind == ErrorKind::not_supported);
        check_says(error.what, {word_of(model), "vmxnet3"});
    }
}

TEST_CASE("disks come into a VMware VM's record and go from it, each at a place of its own")
{
    std::string record = usual_record();
    for (unsigned unit = 2; unit < 7; ++unit) {
        CHECK(vmware::free_unit(record) == unit);
        record = vmware::with_disk(record, persistent(concat("disk-", unit), unit));
        CHECK(vmware::unit_of(record, concat("disk-", unit)) == unit);
    }
    check_definition("disks", record);
    const Caught full = caught([&] { return vmware::free_unit(record); });
    CHECK(full.kind == ErrorKind::cloud);
    check_says(full.what, {"no room for another disk", "7"});
    record = vmware::without_disk(record, "disk-4");
    CHECK_FALSE(vmware::unit_of(record, "disk-4"));
    CHECK(vmware::unit_of(record, "disk-5") == 5U);
    CHECK(vmware::free_unit(record) == 4);
    CHECK_FALSE(vmware::unit_of(record, "disk-"));
    CHECK(vmware::without_disk(record, "disk-absent") == record);
    for (const auto* cid : {"disk-2", "disk-3", "disk-5", "disk-6"})
        record = vmware::without_disk(record, cid);
    CHECK(record == usual_record());
}

TEST_CASE("without an ephemeral disk its place stays free")
{
    DomainSpec spec = usual_spec();
    spec.ephemeral = std::nullopt;
    CHECK(vmware::free_unit(vmware::record_of(spec, uuid)) == 2);
}

TEST_CASE("a VMware VM's description is replaced, not added to")
{
    const std::string once = vmware::with_description(usual_record(), "one");
    CHECK(once != usual_record());
    CHECK(vmware::with_description(vmware::with_description(once, "two"), "one") == once);
    check_schema(once, "domain");
}

TEST_CASE("a VMware guest finds a disk by its number beside the root disk")
{
    const DiskHint hint = vmware_row().hint(persistent("disk-a", 5));
    CHECK(hint.volume_id == "5");
    CHECK(hint.path.empty());
    CHECK(hint.id.empty());
    CHECK(vmware_row().system_bus(StorageController::ide) == Bus::ide);
    for (const auto controller :
         {StorageController::scsi, StorageController::sata, StorageController::virtio})
        CHECK(vmware_row().system_bus(controller) == Bus::scsi);
}

TEST_CASE("a VM whose file libvirt could not read any more is refused, with the number")
{
    DomainSpec spec = usual_spec();
    CHECK_NOTHROW(vmware::check_vmx_size(vmware::record_of(spec, uuid)));
    spec.root.file = concat("/", std::string(6000, 'x'), "/root.vmdk");
    const std::string record = vmware::record_of(spec, uuid);
    const Caught error = caught([&] {
        vmware::check_vmx_size(record);
        return 0;
    });
    CHECK(error.kind == ErrorKind::not_supported);
    check_says(error.what, {std::to_string(vmware::vmx_size(record)), "at most 7000", "Try: "});
}

TEST_CASE("awkward characters take the room that VMware's file gives them")
{
    const auto size = [](const std::string& description) {
        return vmware::vmx_size(vmware::with_description(usual_record(), description));
    };
    CHECK(size("a\"b|") - size("") == 8);
}

TEST_CASE("what VMware is told besides replaces what libvirt says, in whatever case")
{
    const std::string vmx = vmware::finished_vmx(
        "memsize = \"4\"\nremotedisplay.VNC.enabled = \"true\"\nRemoteDisplay.vnc.port = \"5900\"\n",
        usual_record());
    CHECK(vmx.starts_with("memsize = \"4\"\nRemoteDisplay.vnc.port = \"5900\"\nuuid.action = \"keep\"\n"));
    check_says(vmx, {"\nmsg.autoAnswer = \"TRUE\"\n", "\nRemoteDisplay.vnc.enabled = \"FALSE\"\n"});
    CHECK(vmx.find("remotedisplay") == std::string::npos);
    CHECK(vmware::finished_vmx(vmx, usual_record()) == vmx);
}

TEST_CASE("of VMware's log the lines count that lead to its verdict")
{
    std::string log;
    for (int i = 0; i < 100; ++i)
        log += concat("line ", i, "\n");
    CHECK(vmware::reason_in(log) == "line 94\nline 95\nline 96\nline 97\nline 98\nline 99");
    CHECK(vmware::reason_in(concat("so\nand so\nFailed to start the virtual machine.\n", log)) ==
          "so\nand so\nFailed to start the virtual machine.");
    CHECK(vmware::reason_in("").empty());
}

TEST_CASE("a store whose path VMware's files cannot hold is refused at once")
{
    Libvirt libvirt{{"vmwarews:///session", "virsh"}};
    LocalHost host;
    Log log;
    const auto control = [&](const char* store) {
        return caught([&] {
            const Layout layout{store};
            return vmware_row().control({libvirt, host, layout, log}) != nullptr;
        });
    };
    for (const auto* store : {"/srv/a\"b", "/srv/a|b"}) {
        const Caught error = control(store);
        CHECK(error.kind == ErrorKind::not_supported);
        check_says(error.what, {concat("store_dir '", store, "'"), "Try: another folder"});
    }
    CHECK(control("/srv/a b'c%é").what == "(nothing was thrown)");
}

TEST_CASE("vmrun is asked about the product that libvirt's URI names, and no other URI is VMware's")
{
    LocalHost host;
    CHECK(Vmrun(host, "vmwarews:///session").can_suspend());
    CHECK_FALSE(Vmrun(host, "vmwareplayer:///session").can_suspend());
    CHECK(Vmrun(host, "vmwarefusion:///session").can_suspend());
    CHECK(caught([&] { return Vmrun(host, "qemu:///system").can_suspend(); }).kind == ErrorKind::cpi);
}

} // namespace cpi::test
