// How much is asked of libvirt: each question is a way there and back, and on a remote host a long one.

#include "live/qemu/between.h"

#include <doctest/doctest.h>

namespace cpi::test {

TEST_CASE_FIXTURE(Between, "attach_disk asks libvirt of a running VM no more than five things")
{
    const std::string stemcell = cpi.create_stemcell("openstack-qcow2");
    const std::string vm = cpi.create_vm(stemcell, concat(R"({"net":)", dynamic_network, "}"));
    const std::string disk = cpi.cid("create_disk", "[16,{},null]");
    const unsigned connecting = count("has_vm", json_list({vm})) - 1; // which looks the VM up
    CHECK(count("attach_disk", json_list({vm, disk})) - connecting <= 5);
    CHECK(cpi.call("get_disks", json_list({vm})).require_ok().result_text() == json_list({disk}));
}

} // namespace cpi::test
