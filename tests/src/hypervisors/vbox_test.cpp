// What is said to VBoxManage is compared with tests/golden (CPI_TEST_ACCEPT=1 rewrites it); what it says is
// as VirtualBox 7.2 said it.

#include "hypervisor/hypervisor.h"
#include "src/caught.h"
#include "support/temp_dir.h"
#include "vbox/vbox.h"
#include "vbox/vbox_properties.h"
#include "vbox/vboxmanage.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace cpi::test {

namespace {

using Kind = NicSource::Kind;

DomainSpec usual_spec(Bus bus = Bus::sata)
{
    const Path place = "/var/vcap/store/vms/vm-golden";
    return {.name = "vm-golden",
            .hardware = {.cpus = {2}, .memory = {2048}},
            .root = {.file = place / "root.vdi", .format = "vdi", .bus = bus},
            .ephemeral = DiskSpec{.file = place / "ephemeral.vdi",
                                  .format = "vdi",
                                  .bus = bus,
                                  .position = 1,
                                  .serial = "ephemeral"},
            .settings_medium = place / "settings.iso",
            .console_log = place / "console.log",
            .nics = {{{Kind::nat, {}}, "52:54:00:ab:cd:ef"}}};
}

std::string text_of(const std::vector<vbox::Words>& calls)
{
    std::string text;
    for (const auto& call : calls) {
        for (const auto& word : call)
            text += concat(&word == &call.front() ? "" : " ", word);
        text += '\n';
    }
    return text;
}

void check_golden(std::string_view name, const DomainSpec& spec)
{
    const Path file = Path{SOURCE_DIR} / "tests/golden" / concat("vbox-", name, ".txt");
    const std::string text = text_of(vbox::creation(spec));
    if (std::getenv("CPI_TEST_ACCEPT") != nullptr)
        std::ofstream{file, std::ios::binary} << text;
    CAPTURE(file.native());
    CHECK(text == read_file(file));
}

DiskSpec persistent(const std::string& image = "disk.vdi")
{
    return {.file = Path{"/store/disks/disk-abcdefghijklmno"} / image,
            .format = "vdi",
            .bus = Bus::sata,
            .serial = "disk-abcdefghijklmno"};
}

std::string says_of(const DomainSpec& spec)
{
    return caught([&] { return vbox::creation(spec); }).what;
}

} // namespace

TEST_CASE("a VM is made by these calls")
{
    check_golden("sata", usual_spec());
    check_golden("ide", usual_spec(Bus::ide));
    DomainSpec other = usual_spec();
    other.ephemeral = std::nullopt;
    other.firmware = Firmware::uefi;
    other.own = VboxProperties{Graphics::rdp, Paravirtualization::minimal, false};
    other.nics = {{{Kind::nat_network, "bosh"}, "52:54:00:00:00:01", NicModel::e1000},
                  {{Kind::host_only, "vboxnet0"}, "52:54:00:00:00:02"},
                  {{Kind::bridge, "eth 0"}, "52:54:00:00:00:03"},
                  {{Kind::internal, "inside"}, "52:54:00:00:00:04"}};
    check_golden("other", other);
    other.nics = {};
    CHECK(text_of(vbox::creation(other)).find(" --nic1 none\n") != std::string::npos);
}

TEST_CASE("what VirtualBox's NICs cannot be is refused")
{
    DomainSpec spec = usual_spec();
    spec.nics.assign(8, spec.nics.front());
    CHECK_NOTHROW(static_cast<void>(vbox::creation(spec)));
    spec.nics.push_back(spec.nics.front());
    check_says(says_of(spec), {"9 NICs", "8 at most"});
    spec.nics = {{{Kind::nat, {}}, "52:54:00:00:00:01", NicModel::vmxnet3}};
    check_says(says_of(spec), {"vmxnet3", "Try: virtio or e1000"});
    spec.nics = {{{Kind::direct, "eth0"}, "52:54:00:00:00:01"}};
    check_says(says_of(spec), {"interface 'eth0'", "VirtualBox has no such thing"});
}

TEST_CASE("UUIDs follow from cids, whatever an image is called")
{
    CHECK(vbox::uuid_of(VmCid{"vm-a"}) == vbox::uuid_of(VmCid{"vm-a"}));
    CHECK(vbox::uuid_of(VmCid{"vm-a"}) != vbox::uuid_of(VmCid{"vm-b"}));
    CHECK(vbox::uuid_of(persistent()) == vbox::uuid_of(persistent("disk-2.vdi")));
    const DomainSpec spec = usual_spec();
    CHECK(vbox::uuid_of(spec.root) != vbox::uuid_of(*spec.ephemeral));
    DiskSpec other = *spec.ephemeral;
    other.file = "/var/vcap/store/vms/vm-other/ephemeral.vdi";
    CHECK(vbox::uuid_of(other) != vbox::uuid_of(*spec.ephemeral));
}

TEST_CASE("an image's UUID is in its header, the lowest bytes of its numbers first")
{
    std::string header(vbox::header_bytes, '\0');
    header.replace(0x40, 4, "\x7f\x10\xda\xbe");
    header.replace(0x188, 16, "\x01\xef\xcd\xab\x45\x23\x78\x46\x9a\xbc\xde\xf0\x12\x34\x56\x78");
    CHECK(vbox::uuid_in(header) == "abcdef01-2345-4678-9abc-def012345678");
    CHECK_FALSE(vbox::uuid_in(header.substr(0, vbox::header_bytes - 1)));
    header[0x40] = 'Q';
    CHECK_FALSE(vbox::uuid_in(header));
}

TEST_CASE("a guest finds a disk by the serial number that VirtualBox makes of its UUID")
{
    const std::string uuid = vbox::uuid_of(persistent());
    const std::string start = uuid.substr(0, 8);
    const std::string end =
        concat(uuid.substr(34, 2), uuid.substr(32, 2), uuid.substr(30, 2), uuid.substr(28, 2));
    const DiskHint hint = vbox::hint(persistent());
    CHECK(hint.path == concat("/dev/disk/by-id/ata-VBOX_HARDDISK_VB", start, "-", end));
    // In the agent's pattern, which has no dashes, and does not match the disk's partitions.
    CHECK(hint.id == concat("VB", start, "?", end));
    CHECK(hint.volume_id.empty());
}

TEST_CASE("a network's name tells what kind it is of")
{
    const auto kind = [](const char* name) { return vbox::place_of({Kind::network, name}).kind; };
    CHECK(kind("default") == Kind::nat);
    CHECK(kind("nat") == Kind::nat);
    CHECK(kind("vboxnet0") == Kind::host_only);
    CHECK(kind("vboxnet12") == Kind::host_only);
    CHECK(kind("vboxnet") == Kind::nat_network);
    CHECK(kind("vboxnetwork") == Kind::nat_network);
    CHECK(kind("bosh") == Kind::nat_network);
    CHECK(vbox::place_of({Kind::network, "default"}).name.empty());
    CHECK(vbox::place_of({Kind::network, "bosh"}).name == "bosh");
    const NicSource bridge{Kind::bridge, "vboxnet0"};
    CHECK(vbox::place_of(bridge) == bridge);
}

TEST_CASE("disks come and go on SATA ports")
{
    const std::vector<vbox::Words> calls{vbox::attachment("U", "/s/disk.vdi", 3, vbox::While::running),
                                         vbox::attachment("U", "/s/disk.vdi", 3, vbox::While::off),
                                         vbox::detachment("U", 3)};
    CHECK(text_of(calls) ==
          "storageattach U --storagectl SATA --port 3 --device 0 --type hdd --medium /s/disk.vdi\n"
          "storageattach U --storagectl SATA --port 3 --device 0 --type hdd --medium /s/disk.vdi "
          "--hotpluggable on\n"
          "storageattach U --storagectl SATA --port 3 --device 0 --type hdd --medium none\n");
}

TEST_CASE("what a VM has is read from what showvminfo says")
{
    const vbox::VmInfo info = vbox::read_info(R"(name="vm-\"a\""
VMState="running"
VMStateChangeTime="2026-11-21T16:21:13.017000000"
"SATA-0-0"="/store/vms/vm-a/root.vdi"
"SATA-ImageUUID-0-0"="6d2c138f-f86f-4dc6-98ef-0804f044e7ee"
"SATA-1-0"="none"
"SATA-2-0"="none"
"SATA-3-0"="/a \"store\" = \\ it/disks/disk-x/disk-2.vdi"
"SATA-ImageUUID-3-0"="2c35783e-cc95-41f7-a7af-d35adb1ece7a"
"SATA-hot-pluggable-3-0"="on"
"SATA-4-0"="/elsewhere/other.vdi"
"SATA-5-0"="none"
"IDE-2-0"="none"
VRDEClients==0
 rec_screen0
)");
    CHECK(info.state == "running");
    CHECK(info.free_ports == std::vector<unsigned>{2, 5});
    REQUIRE(info.disks.size() == 1);
    CHECK(info.disks.front().disk.str() == "disk-x");
    CHECK(info.disks.front().image == R"(/a "store" = \ it/disks/disk-x/disk-2.vdi)");
    CHECK(info.disks.front().port == 3);
    CHECK(vbox::read_info("name=\"<inaccessible>\"\nUUID=\"x\"\n").state.empty());
}

TEST_CASE("lists have a line for each value")
{
    const std::string_view list =
        "Name:         N1\nNetwork:      10.1.0.0/24\nName Tag:  x\n\nName:  N 2 \n";
    CHECK(vbox::values_of(list, "Name") == std::vector<std::string>{"N1", "N 2"});
    CHECK(vbox::values_of("", "Name").empty());
}

TEST_CASE("a failure has VirtualBox's code and its reason, without where in its source that is")
{
    const auto answer = VBoxManage::read_answer(
        {1, "out",
         "0%...10%...\nVBoxManage: error: Could not find a registered machine named 'X'\n"
         "VBoxManage: error: Details: code VBOX_E_OBJECT_NOT_FOUND (0x80bb0001), component VirtualBoxWrap, "
         "interface IVirtualBox, callee nsISupports\n"
         "VBoxManage: error: Context: \"FindMachine()\" at line 3248 of file VBoxManageInfo.cpp\n"});
    CHECK(answer.status == 1);
    CHECK(answer.out == "out");
    CHECK(answer.code == VBoxManage::not_found);
    CHECK(answer.complaint == "Could not find a registered machine named 'X'");
    const auto two = VBoxManage::read_answer({1, "", "VBoxManage: error: One\nVBoxManage: error: Two\n"});
    CHECK(two.complaint == "One: Two");
    CHECK(two.code.empty());
    CHECK(VBoxManage::read_answer({127, "", "cannot execute\n"}).complaint == "cannot execute");
}

TEST_CASE("VirtualBox's row: images of its own format, persistent disks where they come and go")
{
    const Hypervisor& row = vbox_row();
    CHECK(row.disk_formats.front() == vbox::image_format);
    CHECK(row.ephemeral_format == vbox::image_format);
    CHECK(row.persistent_bus == Bus::sata);
    CHECK_FALSE(row.why_no_networks.empty());
    CHECK(row.system_bus(StorageController::ide) == Bus::ide);
    CHECK(row.system_bus(StorageController::scsi) == Bus::sata);
    CHECK(row.system_bus(StorageController::sata) == Bus::sata);
    CHECK(row.system_bus(StorageController::virtio) == Bus::sata);
}

} // namespace cpi::test
