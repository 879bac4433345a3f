#include "lxc/container.h"
#include "lxc/lxc.h"
#include "src/caught.h"
#include "src/hypervisor/golden.h"
#include "virt/libvirt.h"
#include "xml/xml.h"

namespace cpi::test {

namespace {

const DiskCid disk{"disk-abcdefghijklmno"};

DomainSpec usual_spec()
{
    const Path place = "/var/vcap/store/libvirt/vms/vm-golden";
    return {.name = "vm-golden",
            .hardware = {.cpus = {2}, .memory = {1024}},
            .root = {.file = place / "container/rootfs", .format = {}},
            .ephemeral = DiskSpec{.file = place / "ephemeral.raw", .format = "raw"},
            .settings_medium = {},
            .console_log = {},
            .init = "/sbin/init",
            .nics = {{.source = {.name = "default"},
                      .mac = "52:54:00:00:00:01",
                      .settled = {{"10.0.0.5", 24, "10.0.0.1"}, {"fd00::5", 64, "fd00::1"}}},
                     {.source = {.kind = NicSource::Kind::bridge, .name = "br0"},
                      .mac = "52:54:00:00:00:02",
                      .filter = "clean-traffic",
                      .addresses = {"10.1.0.5"},
                      .settled = {{"10.1.0.5", 16}}}}};
}

std::string definition()
{
    return lxc_machinery().domain_xml(usual_spec(), "lxc");
}

} // namespace

TEST_CASE("a container's definition is what libvirt's schema allows, and libvirt reads all of it")
{
    check_golden("lxc", definition());
    check_schema(definition(), "domain");
    Libvirt libvirt{{"test:///default", "virsh"}};
    libvirt.define_domain("vm-golden", definition());
    const auto read = xml::Document::parse(libvirt.domain_xml("vm-golden", Definition::inactive), "it");
    const auto devices = read.root().child("devices").value();
    CHECK(devices.children("filesystem").size() == 3);
    CHECK(devices.children("interface").at(0).children("ip").size() == 2);
    CHECK(devices.children("interface").at(0).children("route").size() == 2);
    CHECK(devices.children("interface").at(1).children("route").empty());
}

TEST_CASE("a container always has a root and a network of its own")
{
    DomainSpec spec = usual_spec();
    spec.ephemeral.reset();
    spec.nics.clear();
    const auto domain = xml::Document::parse(lxc_machinery().domain_xml(spec, "lxc"), "it");
    CHECK(domain.root().find("features/privnet"));
    const auto root = domain.root().child("devices")->children("filesystem").at(0);
    CHECK(root.child("target")->attribute("dir") == "/");
    CHECK(root.child("source")->attribute("dir").ends_with("/rootfs"));
    CHECK_FALSE(domain.root().find("devices/interface"));
}

TEST_CASE("a disk comes into a container's definition and goes out of it, and nothing else changes")
{
    CHECK(container::disks_in(definition()).empty());
    const std::string with = container::with_disk(definition(), disk, "/run/disk & more");
    check_schema(with, "domain");
    CHECK(with.find("/run/disk &amp; more") != std::string::npos);
    CHECK(container::disks_in(with) == std::vector<DiskCid>{disk});
    CHECK(container::has_disk(with, disk));
    CHECK_FALSE(container::has_disk(with, DiskCid{"disk-other"}));
    const auto plain = [](const std::string& text) { return xml::Document::parse(text, "it").to_text(); };
    CHECK(plain(container::without_disk(with, disk)) == plain(definition()));
    CHECK(plain(container::without_disk(definition(), disk)) == plain(definition()));
}

TEST_CASE("a container's ids are those of its definition, or the host's")
{
    CHECK_FALSE(container::ids_in(definition()));
    DomainSpec spec = usual_spec();
    spec.ids = IdMap{{100'000}, {70'000}};
    const std::string mapped = lxc_machinery().domain_xml(spec, "lxc");
    check_golden("lxc-idmap", mapped);
    check_schema(mapped, "domain");
    CHECK(container::ids_in(mapped) == spec.ids);
    Libvirt libvirt{{"test:///default", "virsh"}};
    libvirt.define_domain("vm-golden", mapped);
    CHECK(container::ids_in(libvirt.domain_xml("vm-golden", Definition::inactive)) == spec.ids);
}

TEST_CASE("a container's NICs are known by its own names for them")
{
    const auto nics = container::nics_in(definition());
    REQUIRE(nics.size() == 2);
    CHECK(nics[0].device == "eth0");
    CHECK(nics[1].device == "eth1");
    CHECK(nics[1].mac == "52:54:00:00:00:02");
}

TEST_CASE("the program that a container starts with is in its definition")
{
    CHECK(container::init_program(definition()) == "/sbin/init");
    CHECK(container::init_program("<domain/>").empty());
}

} // namespace cpi::test
