#include "hypervisors/table.h"
#include "qemu/qemu.h"
#include "src/caught.h"
#include "virt/uri.h"

#include <algorithm>

namespace cpi::test {

TEST_CASE("the table has five hypervisors with the URIs that libvirt gives them")
{
    std::vector<std::string> rows;
    for (const Hypervisor* row : hypervisors())
        rows.push_back(concat(row->name, " ", row->default_uri));
    CHECK(rows == std::vector<std::string>{"qemu qemu:///system", "vbox vbox:///session", "lxc lxc:///",
                                           "xen xen:///", "vmware vmware:///session"});
}

TEST_CASE("each hypervisor's own URI is one of its drivers', and it takes some stemcell")
{
    for (const Hypervisor* one : hypervisors()) {
        const Hypervisor& row = *one;
        CAPTURE(row.name);
        CHECK(std::ranges::count(row.uri_drivers, uri_driver(row.default_uri)) == 1);
        CHECK_FALSE(row.stemcell_formats.empty());
    }
}

TEST_CASE("QEMU's VMs prefer KVM, and persistent disks are where they can come and go")
{
    CHECK(qemu_machinery().domain_types.front() == "kvm");
    CHECK(qemu_machinery().domain_types.back() == "qemu");
    const Hypervisor& qemu = qemu_row();
    CHECK(qemu.persistent_bus == Bus::scsi);
    CHECK(qemu.disk_formats.front() == "qcow2");
    CHECK(qemu.system_bus(StorageController::ide) == Bus::ide);
    CHECK(qemu.system_bus(StorageController::scsi) == Bus::scsi);
    CHECK(qemu.system_bus(StorageController::sata) == Bus::sata);
    CHECK(qemu.system_bus(StorageController::virtio) == Bus::virtio);
}

TEST_CASE("a QEMU guest finds a disk by the name that udev makes of its bus and serial number")
{
    const auto path = [](Bus bus, const char* serial) {
        return qemu_row().hint({.file = "/f", .format = "raw", .bus = bus, .serial = serial}).path;
    };
    CHECK(path(Bus::virtio, "ephemeral") == "/dev/disk/by-id/virtio-ephemeral");
    CHECK(path(Bus::scsi, "disk-1") == "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_disk-1");
    CHECK(path(Bus::sata, "disk-1") == "/dev/disk/by-id/ata-QEMU_HARDDISK_disk-1");
    CHECK(path(Bus::ide, "disk-1") == "/dev/disk/by-id/ata-QEMU_HARDDISK_disk-1");
}

} // namespace cpi::test
