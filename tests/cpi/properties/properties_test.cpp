#include "cpi/wire/arguments.h"
#include "src/caught.h"
#include "stemcell/stemcells.h"

namespace cpi::test {

namespace {

template <class T>
T read(std::string_view text)
{
    const json::Document document = json::parse(text, "the test's text");
    return json::Codec<T>::read(json::root(document, "arguments[2]"));
}

template <class T>
std::string error(std::string_view text)
{
    const Caught thrown = caught([&] {
        static_cast<void>(read<T>(text));
        return 0;
    });
    CAPTURE(text);
    CHECK(thrown.kind == ErrorKind::invalid_call);
    return thrown.what;
}

} // namespace

TEST_CASE("a VM's properties have defaults")
{
    const auto properties = read<VmProperties>("{}");
    CHECK(properties.cpus.value == 1);
    CHECK(properties.memory.value == 1024);
    CHECK(properties.ephemeral_disk == Mebibytes{8192});
    CHECK_FALSE(properties.root_disk);
    CHECK_FALSE(properties.firmware);
    CHECK_FALSE(properties.acceleration);
    CHECK_FALSE(properties.autostart);
    CHECK(properties.unknown_keys.empty());
}

TEST_CASE("a VM's properties are read")
{
    const auto properties =
        read<VmProperties>(R"({"cpus":4,"memory":4096,"ephemeral_disk":0,"root_disk":10240,
        "firmware":"UEFI","acceleration":"emulation","autostart":false,
        "availability_zone":"z1"})");
    CHECK(properties.cpus.value == 4);
    CHECK(properties.memory.value == 4096);
    CHECK(properties.ephemeral_disk == Mebibytes{0});
    CHECK(properties.root_disk->value == 10240);
    CHECK(properties.firmware == Firmware::uefi);
    CHECK(properties.acceleration == Acceleration::emulation);
    CHECK(properties.autostart == false);
    CHECK(properties.unknown_keys == std::vector<std::string>{"availability_zone"});
}

TEST_CASE("a property that says what is so anyway asks for nothing")
{
    CHECK(read<VmProperties>(R"({"encryption":"none","iops":0,"graphics":"none","nested_paging":true,
        "virtualization":null})")
              .given_keys.empty());
    CHECK(read<VmProperties>(R"({"encryption":"luks","iops":1,"nested_paging":false})").given_keys ==
          std::vector<std::string>{"encryption", "iops", "nested_paging"});
    CHECK(read<NetworkProperties>(R"({"openvswitch":false,"portgroup":"","dhcp_reservation":false})")
              .given_keys.empty());
}

TEST_CASE("every property of a VM of a wrong type or size is refused with its place")
{
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {R"([])", "arguments[2]: expected an object, got an array"},
        {R"(null)", "arguments[2]: expected an object, got null"},
        {R"({"cpus":"two"})",
         "arguments[2].cpus: expected a whole number from 1 to 1024, got the string \"two\""},
        {R"({"cpus":0})", "arguments[2].cpus: expected a whole number from 1 to 1024, got the number 0"},
        {R"({"cpus":1025})",
         "arguments[2].cpus: expected a whole number from 1 to 1024, got the number 1025"},
        {R"({"cpus":1.5})", "arguments[2].cpus: expected a whole number from 1 to 1024, got the number 1.5"},
        {R"({"memory":15})",
         "arguments[2].memory: expected a whole number from 16 to 1073741824, got the number 15"},
        {R"({"memory":true})",
         "arguments[2].memory: expected a whole number from 16 to 1073741824, got true"},
        {R"({"ephemeral_disk":-1})",
         "arguments[2].ephemeral_disk: expected a whole number from 0 to 1073741824, got the number -1"},
        {R"({"ephemeral_disk":{"size":1}})",
         "arguments[2].ephemeral_disk: expected a whole number from 0 to 1073741824, got an object"},
        {R"({"root_disk":0})",
         "arguments[2].root_disk: expected a whole number from 1 to 1073741824, got the number 0"},
        {R"({"root_disk":"10G"})",
         "arguments[2].root_disk: expected a whole number from 1 to 1073741824, got the string \"10G\""},
        {R"({"firmware":"efi"})",
         "arguments[2].firmware: expected one of bios, uefi, got the string \"efi\""},
        {R"({"firmware":1})", "arguments[2].firmware: expected one of bios, uefi, got the number 1"},
        {R"({"acceleration":"none"})",
         "arguments[2].acceleration: expected one of auto, kvm, emulation, got the string \"none\""},
        {R"({"cpu":2})", "arguments[2].cpu: no such key; did you mean 'cpus'?"},
        {R"({"emphemeral_disk":2})",
         "arguments[2].emphemeral_disk: no such key; did you mean 'ephemeral_disk'?"},
    };
    for (const auto& [text, message] : cases)
        CHECK(error<VmProperties>(text) == message);
}

TEST_CASE("the manifests of real stemcells have properties that are no misspellings")
{
    const auto openstack = read<StemcellProperties>(R"({"name":"bosh-openstack-kvm-ubuntu-jammy-go_agent",
        "version":"1.406","infrastructure":"openstack","hypervisor":"kvm","disk":5120,"disk_format":"qcow2",
        "container_format":"bare","os_type":"linux","os_distro":"ubuntu","architecture":"x86_64",
        "auto_disk_config":true,"hw_vif_multiqueue_enabled":true})");
    CHECK(openstack.disk == Mebibytes{5120});
    CHECK(openstack.infrastructure == "openstack");
    const auto vsphere = read<StemcellProperties>(R"({"name":"bosh-vsphere-esxi-ubuntu-noble","version":"1.1",
        "infrastructure":"vsphere","hypervisor":"esxi","disk":5120,"disk_format":"ovf","container_format":"bare",
        "os_type":"linux","os_distro":"ubuntu","architecture":"x86_64","root_device_name":"/dev/sda1"})");
    CHECK(vsphere.infrastructure == "vsphere");
    CHECK(read<StemcellProperties>(
              R"({"name":"n","version":"1","infrastructure":"warden","hypervisor":"boshlite",
        "rootfs_format":"tgz","os_type":"linux"})")
              .infrastructure == "warden");
}

TEST_CASE("a cid in a wrong place is refused with the place")
{
    CHECK(read<VmCid>("\"vm-a\"").str() == "vm-a");
    CHECK(error<VmCid>("\"../x\"") ==
          "arguments[2]: expected a VM cid of letters, digits and '-', got '../x'");
    CHECK(error<DiskCid>("17") == "arguments[2]: expected a string, got the number 17");
    CHECK(error<std::vector<DiskCid>>(R"(["disk-a",""])") ==
          "arguments[2][1]: expected a disk cid of letters, digits and '-', got ''");
}

TEST_CASE("a tag's value may be any scalar, and arrives as text")
{
    CHECK(read<TagValue>("\"text\"").text == "text");
    CHECK(read<TagValue>("\"\"").text.empty());
    CHECK(read<TagValue>("17").text == "17");
    CHECK(read<TagValue>("1.5").text == "1.5");
    CHECK(read<TagValue>("true").text == "true");
    CHECK(error<TagValue>("[]") == "arguments[2]: expected a string, number or boolean, got an array");
    CHECK(error<std::map<std::string, TagValue>>(R"({"a":{}})") ==
          "arguments[2].a: expected a string, number or boolean, got an object");
}

TEST_CASE("a disk's properties are kept as they are")
{
    const auto properties =
        read<DiskProperties>(R"({"type":"fast","name":"<a>","iops":100,"encryption":"LUKS"})");
    CHECK(properties.verbatim.text == R"({"type":"fast","name":"<a>","iops":100,"encryption":"LUKS"})");
    CHECK(properties.fields.iops.value == 100);
    CHECK(properties.fields.encryption == Encryption::luks);
    CHECK(properties.fields.unknown_keys == std::vector<std::string>{"type"});
    CHECK(error<DiskProperties>("[]") == "arguments[2]: expected an object, got an array");
    CHECK(error<DiskProperties>("null") == "arguments[2]: expected an object, got null");
}

TEST_CASE("a disk's size is a whole number of MiB, and not none")
{
    CHECK(read<DiskSize>("1").value == 1);
    CHECK(read<DiskSize>("1073741824").value == 1073741824);
    for (const auto* text : {"0", "-1", "1.5", "\"1\"", "null", "1073741825"})
        check_says(error<DiskSize>(text),
                   {"arguments[2]: expected a whole number from 1 to 1073741824, got "});
}

TEST_CASE("what a VM needs in the Director's words must be complete")
{
    const auto resources = read<VmResources>(R"({"cpu":2,"ram":2048,"ephemeral_disk_size":10240})");
    CHECK(resources.cpu.value == 2);
    CHECK(resources.ram.value == 2048);
    CHECK(resources.ephemeral_disk_size == Mebibytes{10240});
    CHECK(error<VmResources>(R"({"cpu":2,"ram":2048})") ==
          "arguments[2].ephemeral_disk_size: expected a whole number from 0 to 1073741824, got nothing");
    CHECK(error<VmResources>(R"({"cpu":0,"ram":2048,"ephemeral_disk_size":1})") ==
          "arguments[2].cpu: expected a whole number from 1 to 1024, got the number 0");
}

TEST_CASE("a VM's own disks have the same options as persistent ones")
{
    const auto text =
        R"({"format":"raw","preallocation":"falloc","cache":"none","io":"native","discard":"ignore",
        "read_iops":1,"write_iops":2,"bandwidth":3,"storage_pool":"fast"})";
    const auto check = [](const DiskOptions& options) {
        CHECK(options.format == DiskFormat::raw);
        CHECK(options.preallocation == Preallocation::falloc);
        CHECK(options.cache == Cache::none);
        CHECK(options.io == Io::native);
        CHECK(options.discard == Discard::ignore);
        CHECK(options.read_iops.value == 1);
        CHECK(options.write_iops.value == 2);
        CHECK(options.bandwidth.value == 3);
        CHECK(options.storage_pool == "fast");
        CHECK(options.unknown_keys.empty());
    };
    check(read<VmProperties>(text));
    check(read<DiskProperties>(text).fields);
}

TEST_CASE("options of a disk that contradict each other are refused")
{
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {R"({"iops":5,"read_iops":5})",
         "arguments[2].iops: expected either iops or read_iops and write_iops, not both, got the number 5"},
        {R"({"bandwidth":5,"write_bandwidth":5})", "arguments[2].bandwidth: expected either bandwidth or "
                                                   "read_bandwidth and write_bandwidth, not both, got "
                                                   "the number 5"},
        {R"({"io":"native","cache":"writeback"})", "arguments[2].cache: expected none or directsync, which "
                                                   "io native needs, got the string \"writeback\""},
        {R"({"format":"raw","preallocation":"metadata"})",
         "arguments[2].preallocation: expected off, falloc or full for format raw, got the string "
         "\"metadata\""},
        {R"({"iops":-1})",
         "arguments[2].iops: expected a whole number from 0 to 1099511627776, got the number -1"},
        {R"({"format":"vhd"})",
         "arguments[2].format: expected one of qcow2, raw, vdi, got the string \"vhd\""},
    };
    for (const auto& [text, message] : cases) {
        CHECK(error<VmProperties>(text) == message);
        CHECK(error<DiskProperties>(text) == message);
    }
    CHECK(read<DiskProperties>(R"({"iops":0,"read_iops":5,"io":"native"})").fields.read_iops.value == 5);
    CHECK(read<DiskProperties>(R"({"preallocation":"metadata"})").fields.preallocation ==
          Preallocation::metadata);
}

} // namespace cpi::test
