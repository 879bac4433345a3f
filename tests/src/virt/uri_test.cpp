#include "virt/uri.h"

#include <doctest/doctest.h>

namespace cpi::test {

TEST_CASE("a remote URI keeps driver and path")
{
    CHECK(remote_uri("qemu:///system", {"bosh", "10.0.0.5", "22"}) == "qemu+ssh://bosh@10.0.0.5/system");
    CHECK(remote_uri("lxc:///", {"root", "h", "22"}) == "lxc+ssh://root@h/");
    CHECK(remote_uri("vbox:///session", {"u", "h", "2222"}) == "vbox+ssh://u@h:2222/session");
    CHECK(remote_uri("qemu:///system?socket=/s", {"u", "h", "22"}) == "qemu+ssh://u@h/system?socket=/s");
}

TEST_CASE("an IPv6 address is put in brackets, and what a URI would misread in a user's name is encoded")
{
    CHECK(remote_uri("qemu:///system", {"bosh", "fd00::5", "22"}) == "qemu+ssh://bosh@[fd00::5]/system");
    CHECK(remote_uri("qemu:///system", {"bosh@corp", "h", "22"}) == "qemu+ssh://bosh%40corp@h/system");
}

TEST_CASE("a URI's parts are found")
{
    CHECK(uri_driver("qemu:///system") == "qemu");
    CHECK(uri_driver("qemu+ssh://h/system") == "qemu");
    CHECK(uri_transport("qemu+libssh2://h/system") == "libssh2");
    CHECK(uri_transport("qemu:///system?x=a+b").empty());
    CHECK(uri_goes_by_ssh("qemu+libssh2://h/system"));
    CHECK_FALSE(uri_goes_by_ssh("qemu+tls://h/system"));
    CHECK_FALSE(uri_goes_by_ssh("qemu:///system"));
    CHECK(uri_path("qemu+ssh://u@h:1/system?socket=/s") == "/system");
    CHECK(uri_path("lxc:///") == "/");
    CHECK(uri_path("test://h").empty());
    CHECK(uri_parameter("qemu+ssh://h/system?a=1&socket=/a%20b&c", "socket") == "/a b");
    CHECK(uri_parameter("qemu:///system?socketx=1", "socket").empty());
    CHECK(uri_parameter("qemu:///system", "socket").empty());
    CHECK(uri_with("qemu+tls://h/system", "pkipath", "/a b") == "qemu+tls://h/system?pkipath=%2Fa%20b");
    CHECK(uri_with("qemu+tls://h/system?a=1", "pkipath", "/p") == "qemu+tls://h/system?a=1&pkipath=%2Fp");
}

TEST_CASE("a URI's authority is who and where it is, as far as it says so")
{
    CHECK(uri_authority("qemu+ssh://bosh%40corp@h.example:2222/system") ==
          UriAuthority{"bosh@corp", "h.example", "2222"});
    CHECK(uri_authority("qemu+ssh://h/system") == UriAuthority{"", "h", ""});
    CHECK(uri_authority("qemu+ssh://u@[fd00::5]:22/system?x=@y") == UriAuthority{"u", "fd00::5", "22"});
    CHECK(uri_authority("qemu+ssh://[fd00::5]/system") == UriAuthority{"", "fd00::5", ""});
    CHECK(uri_authority("qemu:///system") == UriAuthority{});
    CHECK(uri_authority("test://") == UriAuthority{});
    CHECK(uri_authority("qemu+ssh://[broken") == UriAuthority{"", "broken", ""});
    CHECK(uri_authority("qemu+ssh://u%4@h%zz/") == UriAuthority{"u%4", "h%zz", ""});
}

TEST_CASE("a URI by a socket keeps driver and path, and says nothing of another machine")
{
    CHECK(socket_uri("qemu+ssh://u@h/system?socket=/far", "/tmp/a b/s") ==
          "qemu+unix:///system?socket=%2Ftmp%2Fa%20b%2Fs");
}

} // namespace cpi::test
