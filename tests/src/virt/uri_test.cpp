#include "virt/uri.h"

#include <doctest/doctest.h>

namespace cpi::test {

TEST_CASE("the same driver on another host is reached over SSH")
{
    CHECK(remote_uri("qemu:///system", "bosh", "10.0.0.5") == "qemu+ssh://bosh@10.0.0.5/system");
    CHECK(remote_uri("qemu:///system", "", "host.example") == "qemu+ssh://host.example/system");
    CHECK(remote_uri("lxc:///", "root", "h") == "lxc+ssh://root@h/");
    CHECK(remote_uri("vbox:///session", "u", "h") == "vbox+ssh://u@h/session");
}

TEST_CASE("an IPv6 address is put in brackets")
{
    CHECK(remote_uri("qemu:///system", "bosh", "fd00::5") == "qemu+ssh://bosh@[fd00::5]/system");
}

TEST_CASE("an IPv6 address that has brackets keeps one pair")
{
    CHECK(remote_uri("qemu:///system", "bosh", "[fd00::5]") == "qemu+ssh://bosh@[fd00::5]/system");
}

TEST_CASE("a user name with signs of its own does not become part of the host")
{
    CHECK(remote_uri("qemu:///system", "bosh@corp", "h") == "qemu+ssh://bosh%40corp@h/system");
}

TEST_CASE("the driver of a URI is what comes before transport and host")
{
    CHECK(uri_driver("qemu:///system") == "qemu");
    CHECK(uri_driver("qemu+ssh://u@h/system") == "qemu");
    CHECK(uri_driver("vmwareplayer:///session") == "vmwareplayer");
    CHECK(uri_driver("no uri").find("qemu") == std::string::npos);
    CHECK(uri_driver("").empty());
}

} // namespace cpi::test
