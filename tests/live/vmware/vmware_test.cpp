// What is VMware's own: libvirt's driver for it knows little, and VMs live on without it.

#include "base/clock.h"
#include "base/text.h"
#include "conformance/lab.h"
#include "src/caught.h"
#include "support/temp_dir.h"
#include "virt/libvirt.h"
#include "vmware/vmware_definition.h"
#include "xml/xml.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

namespace cpi::test {

namespace {

const std::string double_of_vmware = SOURCE_DIR "/tests/doubles/vmware";

struct Fixture {
    Lab lab;
    LabCpi cpi{lab};

    [[nodiscard]] std::string folder(const std::string& vm) const { return concat(cpi.store(), "/vms/", vm); }
    [[nodiscard]] std::string vmx(const std::string& vm) const { return concat(folder(vm), "/", vm, ".vmx"); }
    void vmrun(std::vector<std::string> words) const
    {
        words.insert(words.begin(), {"vmrun", "-T", "ws"});
        static_cast<void>(lab.on_host(words));
    }
    [[nodiscard]] bool runs(const std::string& vm) const
    {
        return lab.on_host({"vmrun", "list"}).find(vmx(vm)) != std::string::npos;
    }
    [[nodiscard]] bool has_file(const std::string& vm, const std::string& name) const
    {
        return lab.try_on_host({"test", "-e", concat(folder(vm), "/", name)}).status == 0;
    }
    void put_note(const std::string& vm, const std::string& how) const
    {
        static_cast<void>(lab.on_host({"tee", folder(vm) + "/comes_back"}, how));
    }
    /// Started, and perhaps still booting.
    [[nodiscard]] std::string create_vm(std::string_view properties = LabCpi::small_vm)
    {
        return cpi.try_create_vm(cpi.create_stemcell(), 150, properties)
            .require_ok()
            .result()
            .items()
            .front()
            .string();
    }
    [[nodiscard]] std::string create_disk() { return cpi.cid("create_disk", "[64,{},null]"); }
    /// With variables of its own: NAME=VALUE.
    [[nodiscard]] Reply call_with(const std::vector<std::string>& variables, std::string_view method,
                                  std::string_view arguments) const
    {
        const std::string place = cpi.store().substr(0, cpi.store().rfind('/'));
        std::vector<std::string> argv{"env"};
        argv.insert(argv.end(), variables.begin(), variables.end());
        argv.insert(argv.end(), {place + "/libvirt_cpi", "--config", place + "/cpi.json"});
        return Reply{
            lab.try_on_host(argv, concat(R"({"method":)", json_string(method), R"(,"arguments":)", arguments,
                                         R"(,"context":{"director_uuid":"d"},"api_version":2})"))};
    }
};

/// libvirt's driver in this process, which looks for VMware in PATH.
struct Driver {
    TempDir folder;
    Libvirt libvirt{{"vmwarews:///session", "virsh"}};

    Driver()
    {
        // NOLINTBEGIN(concurrency-mt-unsafe): before there is another thread
        ::setenv("PATH", concat(double_of_vmware, ":", std::getenv("PATH")).c_str(), 1);
        ::setenv("VMRUN_STATE", folder.path().c_str(), 1);
        // NOLINTEND(concurrency-mt-unsafe)
    }

    [[nodiscard]] DomainSpec spec(std::size_t nics) const
    {
        const Path place = folder.path();
        DomainSpec spec{
            .name = "vm-driver",
            .hardware = {.cpus = {4}, .memory = {257}},
            .root = {.file = place / "root.vmdk", .format = "vmdk", .bus = Bus::scsi, .serial = {}},
            .ephemeral = DiskSpec{.file = place / "ephemeral.vmdk",
                                  .format = "vmdk",
                                  .bus = Bus::scsi,
                                  .position = 1,
                                  .serial = "ephemeral"},
            .settings_medium = place / "settings.iso",
            .console_log = place / "console.log",
            .nics = {}};
        for (std::size_t i = 0; i < nics; ++i)
            spec.nics.push_back({{NicSource::Kind::network, i % 2 == 0 ? "vmnet8" : "nat"},
                                 stable_mac("vm-driver", std::to_string(i)),
                                 NicModel::vmxnet3});
        return spec;
    }

    /// What VMware would be given.
    [[nodiscard]] std::string vmx_of(const std::string& record)
    {
        libvirt.define_domain("vm-driver", vmware::definition_of(record));
        return vmware::finished_vmx(read_file(folder.path() / "vm-driver.vmx"), record);
    }
};

} // namespace

TEST_CASE_FIXTURE(Driver, "libvirt's driver reads what a VM is, and the size of its file is known before")
{
    for (const std::size_t nics : {0U, 1U, 10U}) {
        CAPTURE(nics);
        DomainSpec described = spec(nics);
        described.firmware = nics == 1 ? Firmware::uefi : Firmware::bios;
        std::string record = vmware::record_of(described, "6f3ad5c0-1111-4222-8333-444455556666");
        for (unsigned unit = 2; unit < 7; ++unit)
            record =
                vmware::with_disk(record, {.file = concat("/a rather long path/é, 'x'/disk-", unit, ".vmdk"),
                                           .format = "vmdk",
                                           .bus = Bus::scsi,
                                           .position = unit,
                                           .serial = concat("disk-", unit)});
        record = vmware::with_description(record, "a \"quoted\" | piped 🙂 name");
        const std::string vmx = vmx_of(record);
        CAPTURE(vmx);
        CHECK(vmx.size() <= vmware::vmx_size(record));
        CHECK(vmx.size() + 500 > vmware::vmx_size(record));
        check_says(vmx, {"memsize = \"260\"", "numvcpus = \"4\"",
                         "scsi0:6.fileName = \"/a rather long path/é, 'x'"});
        CHECK((vmx.find("firmware = \"efi\"") != std::string::npos) == (nics == 1));
        const auto read = xml::Document::parse(libvirt.domain_xml("vm-driver", Definition::inactive), "it");
        CHECK(read.root().child("description")->text() == "a \"quoted\" | piped 🙂 name");
        CHECK(read.root().child("devices")->children("disk").size() == 8);
        CHECK(read.root().child("devices")->children("interface").size() == nics);
    }
}

TEST_CASE_FIXTURE(Fixture,
                  "a VM that libvirt has forgotten is there, and what it is given it has when it starts")
{
    const std::string vm = create_vm();
    const std::string disk = create_disk();
    vmrun({"stop", vmx(vm), "hard"});
    CHECK(cpi.call("has_vm", json_list({vm})).result_text() == "true");
    CHECK(cpi.call("get_disks", json_list({vm})).result_text() == "[]");
    CHECK(cpi.call("attach_disk", json_list({vm, disk})).require_ok().result_text() ==
          R"({"volume_id":"2"})");
    CHECK_FALSE(runs(vm));
    CHECK(cpi.call("resize_disk", concat("[", json_string(disk), ",96]")).ok());
    CHECK(cpi.call("reboot_vm", json_list({vm})).ok());
    CHECK(runs(vm));
    check_says(lab.on_host({"cat", vmx(vm)}),
               {concat("scsi0:2.fileName = \"", cpi.store(), "/disks/", disk)});
    CHECK(cpi.call("get_disks", json_list({vm})).result_text() == json_list({disk}));
    const Reply refused = cpi.call("resize_disk", concat("[", json_string(disk), ",128]"));
    CHECK(refused.error_type() == "Bosh::Clouds::NotSupported");
    check_says(refused.message(), {"Try: detach it first"});
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK_FALSE(runs(vm));
    CHECK(cpi.names_in("vms").empty());
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
}

TEST_CASE_FIXTURE(Fixture, "a VM whose call was killed comes back with the next one, as it was")
{
    const std::string vm = create_vm();
    const std::string arguments = json_list({vm, create_disk()});
    vmrun({"stop", vmx(vm), "hard"});
    put_note(vm, "start");
    CHECK(cpi.call("detach_disk", arguments).error_type() == "Bosh::Clouds::DiskNotAttached");
    CHECK(runs(vm));
    CHECK_FALSE(has_file(vm, "comes_back"));

    const std::string log = lab.on_host({"cat", folder(vm) + "/vmware.log"});
    vmrun({"suspend", vmx(vm)});
    put_note(vm, "resume");
    CHECK(cpi.call("detach_disk", arguments).error_type() == "Bosh::Clouds::DiskNotAttached");
    CHECK(runs(vm));
    CHECK_FALSE(has_file(vm, "comes_back"));
    CHECK((lab.on_host({"cat", folder(vm) + "/vmware.log"}) == log)); // it went on, and was not started anew

    vmrun({"suspend", vmx(vm)});
    put_note(vm, "resume");
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    CHECK_FALSE(runs(vm));
}

TEST_CASE_FIXTURE(Fixture, "a guest that does not answer is switched off")
{
    const std::vector<std::string> hung{"VMRUN_TOOLS=off"};
    const std::string vm = create_vm();
    const std::string before = lab.on_host({"cat", folder(vm) + "/vmware.log"});
    CHECK(call_with(hung, "reboot_vm", json_list({vm})).ok());
    CHECK(runs(vm));
    CHECK((lab.on_host({"cat", folder(vm) + "/vmware.log"}) != before));
    CHECK(call_with(hung, "delete_vm", json_list({vm})).ok());
    CHECK_FALSE(runs(vm));
}

TEST_CASE_FIXTURE(Fixture,
                  "a VM that does not start with a disk runs on without it, and VMware's log says why")
{
    const std::string vm = create_vm();
    const std::string disk = create_disk();
    static_cast<void>(lab.on_host({"tee", concat(cpi.store(), "/disks/", disk, "/disk.vmdk")}, "no VMDK"));
    const Reply refused = cpi.call("attach_disk", json_list({vm, disk}));
    CHECK(refused.error_type() == "Bosh::Clouds::CloudError");
    check_says(refused.message(), {concat("starting VM ", vm), "vmware.log says: ", "Cannot open the disk",
                                   concat(disk, "/disk.vmdk"), "Failed to start the virtual machine"});
    CHECK(runs(vm));
    CHECK(cpi.call("get_disks", json_list({vm})).result_text() == "[]");
    CHECK(cpi.call("delete_disk", json_list({disk})).ok());
    CHECK_FALSE(has_file(vm, "comes_back"));
}

TEST_CASE_FIXTURE(
    Fixture, "another VM's file that is too large for libvirt is named, and calls that need no start work")
{
    const std::string vm = create_vm();
    const std::string other = concat(cpi.store(), "/other.vmx");
    std::string text =
        "config.version = \"8\"\nvirtualHW.version = \"7\"\nmemsize = \"32\"\ndisplayName = \"other\"\n"
        "guestOS = \"other-64\"\n";
    text += concat("annotation = \"", std::string(10'000, 'x'), "\"\n");
    static_cast<void>(lab.on_host({"tee", other}, text));
    vmrun({"start", other, "nogui"});
    const Reply refused = cpi.try_create_vm(cpi.create_stemcell(), 151);
    CHECK_FALSE(refused.ok());
    check_says(refused.message(), {other, "more than 10,000 bytes", "Try: shut that VM down"});
    CHECK(cpi.names_in("vms") == std::set<std::string>{vm});
    CHECK(cpi.call("has_vm", json_list({vm})).result_text() == "true");
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    vmrun({"stop", other, "hard"});
}

TEST_CASE_FIXTURE(Fixture, "the VMware that is installed is the one that is used")
{
    const std::string folder_of_player = lab.on_host({"mktemp", "-d"});
    static_cast<void>(
        lab.on_host({"cp", double_of_vmware + "/vmrun", double_of_vmware + "/vmplayer", folder_of_player}));
    static_cast<void>(lab.on_host({"ln", "-s", folder_of_player + "/vmrun", cpi.store() + "/vmrun"}));
    const std::string path = "/usr/sbin:/usr/bin:/sbin:/bin";
    const std::vector<std::string> player{concat("PATH=", cpi.store(), ":", path)};

    const Reply missing = call_with({concat("PATH=", path)}, "has_vm", R"(["vm-absent"])");
    CHECK(missing.error_type() == "Bosh::Clouds::CloudError");
    check_says(missing.message(), {"no program 'vmrun' in PATH", "Try: install VMware"});
    CHECK(call_with({concat("PATH=", path)}, "info", "[]").ok());

    // Player suspends nothing: the VM is off while its disk is copied.
    const std::string vm = create_vm();
    const std::string disk = create_disk();
    vmrun({"stop", vmx(vm), "hard"});
    CHECK(call_with(player, "attach_disk", json_list({vm, disk})).ok());
    CHECK(call_with(player, "reboot_vm", json_list({vm})).ok());
    CHECK(runs(vm));
    const Reply snapshot = call_with(player, "snapshot_disk", concat("[", json_string(disk), ",{}]"));
    CHECK(snapshot.ok());
    CHECK(runs(vm));
    const std::string calls = lab.on_host({"sh", "-c", "tail -n 30 \"$VMRUN_STATE/calls.log\""});
    check_says(calls, {concat("-T player start ", vmx(vm)), concat("-T player stop ", vmx(vm), " soft")});
    CHECK(calls.find("suspend") == std::string::npos);
    CHECK(cpi.names_in("snapshots").size() == 1);
    CHECK(cpi.call("delete_vm", json_list({vm})).ok());
    static_cast<void>(lab.on_host({"rm", "-rf", folder_of_player}));
}

TEST_CASE_FIXTURE(Fixture, "what VMware cannot do is refused before anything is made")
{
    const std::string stemcell = cpi.create_stemcell();
    const auto create = [&](std::string_view properties, std::string_view network) {
        return cpi.call("create_vm",
                        concat(R"(["a",)", json_string(stemcell), ",", properties,
                               R"(,{"n":{"type":"dynamic","cloud_properties":)", network, "}},[],{}]"));
    };
    const Reply network = create(LabCpi::small_vm, R"({"network":"lan"})");
    check_says(network.message(), {"network 'lan' does not exist on vmware", "'bridged'"});
    CHECK(create(LabCpi::small_vm, R"({"network":"nat","model":"virtio"})").error_type() ==
          "Bosh::Clouds::NotSupported");
    CHECK(create(LabCpi::small_vm, R"({"bridge":"br0","vlan":7})").error_type() ==
          "Bosh::Clouds::NotSupported");
    CHECK(create(R"({"ephemeral_disk":64,"iops":100})", R"({"network":"nat"})").error_type() ==
          "Bosh::Clouds::NotSupported");
    CHECK(cpi.call("create_disk", R"([64,{"encryption":"luks"},null])").error_type() ==
          "Bosh::Clouds::NotSupported");
    CHECK(cpi.names_in("vms").empty());
    CHECK(cpi.names_in("disks").empty());
}

TEST_CASE_FIXTURE(Fixture, "a VM with UEFI and a larger root disk boots")
{
    const std::string vm =
        create_vm(R"({"cpus":2,"memory":257,"ephemeral_disk":64,"root_disk":300,"firmware":"uefi"})");
    check_says(lab.on_host({"cat", vmx(vm)}), {"firmware = \"efi\"\n", "memsize = \"260\""});
    const std::string report = cpi.report(vm);
    CHECK(report.find("REPORT error") == std::string::npos);
    // The kernel names disks as it finds them: the root disk is target 0.
    CHECK(lab.in_guest(vm, "cat /sys/class/scsi_disk/*:0:0:0/device/block/*/size") ==
          std::to_string(300 * 2048));
    CHECK(lab.in_guest(vm, "test -d /sys/firmware/efi && echo yes") == "yes");
    CHECK(lab.in_guest(vm, "cat /proc/cpuinfo | grep -c ^processor") == "2");
}

} // namespace cpi::test
