// With the real qemu-img.

#include "host/local_host.h"
#include "src/caught.h"
#include "support/temp_dir.h"
#include "volumes/image.h"

#include <sys/stat.h>

#include <fstream>

namespace cpi::test {

namespace {

struct Fixture {
    TempDir folder;
    LocalHost host;

    [[nodiscard]] Path at(std::string_view name) const { return folder.path() / name; }
    [[nodiscard]] std::string info(std::string_view name)
    {
        return run_ok(host, {{"qemu-img", "info", "-f", "qcow2", "--output=json", at(name).native()}});
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "a blank image has the size that was asked for, and takes no room")
{
    image::create(host, {at("disk.qcow2"), "qcow2"}, {10'240});
    CHECK(image::virtual_size(host, {at("disk.qcow2"), "qcow2"}) == Mebibytes{10'240}.bytes());
    CHECK(host.info(at("disk.qcow2"))->size < 1'000'000);
    image::create(host, {at("disk.raw"), "raw"}, {5});
    CHECK(image::virtual_size(host, {at("disk.raw"), "raw"}) == Mebibytes{5}.bytes());
    CHECK_NOTHROW(image::check(host, {at("disk.qcow2"), "qcow2"}));
}

TEST_CASE_FIXTURE(Fixture,
                  "an overlay has its base's size or a larger one, and names its base as it was told")
{
    image::create(host, {at("base.qcow2"), "qcow2"}, {64});
    image::create_overlay(host, {at("same.qcow2"), "qcow2"}, "base.qcow2", "qcow2", Mebibytes{64}.bytes());
    image::create_overlay(host, {at("larger.qcow2"), "qcow2"}, "base.qcow2", "qcow2", Mebibytes{128}.bytes());
    image::create_overlay(host, {at("far.qcow2"), "qcow2"}, at("base.qcow2").native(), "qcow2",
                          Mebibytes{64}.bytes());
    CHECK(image::virtual_size(host, {at("same.qcow2"), "qcow2"}) == Mebibytes{64}.bytes());
    CHECK(image::virtual_size(host, {at("larger.qcow2"), "qcow2"}) == Mebibytes{128}.bytes());
    check_says(info("same.qcow2"),
               {"\"backing-filename\": \"base.qcow2\"", "\"backing-filename-format\": \"qcow2\""});
    check_says(info("far.qcow2"), {concat("\"backing-filename\": \"", at("base.qcow2").native(), "\"")});
}

TEST_CASE_FIXTURE(Fixture, "an overlay with a relative base can be moved together with it")
{
    host.make_directory(at("one"));
    folder.write("one/base.raw", std::string(1 << 20, 'x'));
    image::create_overlay(host, {at("one/root.qcow2"), "qcow2"}, "base.raw", "raw", 1 << 20);
    host.rename(at("one"), at("two"));
    image::convert(host, {at("two/root.qcow2"), "qcow2"}, {at("out.raw"), "raw"});
    CHECK((read_file(at("out.raw")) == std::string(1 << 20, 'x')));
}

TEST_CASE_FIXTURE(Fixture, "the contents of an image are not looked at to find out what it is")
{
    image::create(host, {at("inner.qcow2"), "qcow2"}, {64});
    const auto bytes = host.info(at("inner.qcow2"))->size;
    CHECK(image::virtual_size(host, {at("inner.qcow2"), "raw"}) != Mebibytes{64}.bytes());
    CHECK(image::virtual_size(host, {at("inner.qcow2"), "raw"}) / 1024 == (bytes + 511) / 512 * 512 / 1024);
}

TEST_CASE_FIXTURE(Fixture, "converting keeps the contents")
{
    std::string bytes(3 << 20, '\0');
    bytes.replace(1 << 20, 5, "hello");
    folder.write("from.raw", bytes);
    image::convert(host, {at("from.raw"), "raw"}, {at("middle.qcow2"), "qcow2"});
    image::convert(host, {at("middle.qcow2"), "qcow2"}, {at("to.raw"), "raw"});
    CHECK((read_file(at("to.raw")) == bytes));
    CHECK_NOTHROW(image::check(host, {at("middle.qcow2"), "qcow2"}));
}

TEST_CASE_FIXTURE(Fixture, "names with blanks, quotes and commas are names")
{
    const Path file = at("a b,c'd\"e=f");
    image::create(host, {file, "qcow2"}, {1});
    CHECK(image::virtual_size(host, {file, "qcow2"}) == Mebibytes{1}.bytes());
    CHECK_NOTHROW(image::check(host, {file, "qcow2"}));
}

TEST_CASE_FIXTURE(Fixture, "a damaged image is an error that names it")
{
    folder.write("from.raw", std::string(4 << 20, 'x'));
    image::convert(host, {at("from.raw"), "raw"}, {at("disk.qcow2"), "qcow2"});
    {
        // The L1 table's entry: its place is in the header, at byte 40.
        std::fstream out{at("disk.qcow2"), std::ios::in | std::ios::out | std::ios::binary};
        std::uint64_t place = 0;
        out.seekg(40);
        for (int i = 0; i < 8; ++i)
            place = place << 8U | static_cast<unsigned char>(out.get());
        out.seekp(static_cast<std::streamoff>(place));
        out << std::string("\x80\x00\x00\x7f\xff\xff\x00\x00", 8);
    }
    const Caught error = caught([&] {
        image::check(host, {at("disk.qcow2"), "qcow2"});
        return 0;
    });
    CHECK(error.kind == ErrorKind::cloud);
    check_says(error.what, {"disk.qcow2 is damaged: qemu-img check says: "});
}

TEST_CASE_FIXTURE(Fixture, "what is no image of the format is an error that names the file")
{
    folder.write("text", "no image at all");
    for (const auto& error : {caught([&] {
                                  return image::virtual_size(host, {at("text"), "qcow2"});
                              }),
                              caught([&] {
                                  image::check(host, {at("text"), "qcow2"});
                                  return 0;
                              }),
                              caught([&] {
                                  image::convert(host, {at("text"), "qcow2"}, {at("out"), "raw"});
                                  return 0;
                              }),
                              caught([&] {
                                  return image::virtual_size(host, {at("absent"), "raw"});
                              }),
                              caught([&] {
                                  image::create(host, {at("no/folder"), "raw"}, {1});
                                  return 0;
                              })}) {
        CHECK(error.kind == ErrorKind::cloud);
        CHECK((error.what.find("text") != std::string::npos ||
               error.what.find("absent") != std::string::npos ||
               error.what.find("no/folder") != std::string::npos));
    }
}

TEST_CASE_FIXTURE(Fixture, "an encrypted image shows nothing without its key, in either format")
{
    const std::string text(2 << 20, 'x');
    folder.write("plain.raw", text);
    const Secret key{"the key of the test"};
    for (const std::string format : {"raw", "qcow2"}) {
        CAPTURE(format);
        const image::Image locked{at(concat("locked.", format)), format, key};
        image::convert(host, {at("plain.raw"), "raw"}, locked);
        CHECK(read_file(locked.file).find("xxxxxxxxxxxxxxxx") == std::string::npos);
        CHECK(image::virtual_size(host, locked) == text.size());
        image::resize(host, locked, {3});
        CHECK(image::virtual_size(host, locked) == Mebibytes{3}.bytes());
        const Path opened = at(concat("opened.", format));
        image::convert(host, locked, {opened, "raw"});
        CHECK((read_file(opened).substr(0, text.size()) == text));
        CHECK(caught([&] {
                  image::convert(host, {locked.file, format, Secret{"another key"}}, {at("x"), "raw"});
                  return 0;
              }).kind == ErrorKind::cloud);
        const image::Image blank{at(concat("blank.", format)), format, key};
        image::create(host, blank, {2});
        image::convert(host, blank, {at(concat("zeros.", format)), "raw"});
        CHECK(host.info(at(concat("zeros.", format)))->size == Mebibytes{2}.bytes());
    }
    const image::Image overlay{at("overlay.qcow2"), "qcow2", key};
    image::create_overlay(host, overlay, "plain.raw", "raw", text.size());
    image::convert(host, overlay, {at("through.raw"), "raw"});
    CHECK((read_file(at("through.raw")) == text));
}

TEST_CASE_FIXTURE(Fixture, "room can be set aside when an image is made and when it grows")
{
    const auto used = [&](const Path& file) {
        struct stat found {};
        REQUIRE(::stat(file.c_str(), &found) == 0);
        return static_cast<std::uint64_t>(found.st_blocks) * 512;
    };
    for (const std::string format : {"raw", "qcow2"}) {
        CAPTURE(format);
        const image::Image image{at(concat("disk.", format)), format};
        image::create(host, image, {4}, Preallocation::falloc);
        CHECK(used(image.file) >= Mebibytes{4}.bytes());
        image::resize(host, image, {6}, Preallocation::falloc);
        CHECK(used(image.file) >= Mebibytes{6}.bytes());
    }
}

TEST_CASE_FIXTURE(
    Fixture, "a VMDK is one that VMware can write to, whatever it is made of, and has its file's name in it")
{
    folder.write("from.raw", std::string(3 << 20, 'x'));
    image::create(host, {at("blank.vmdk"), "vmdk"}, {64});
    image::convert(host, {at("from.raw"), "raw"}, {at("made.vmdk"), "vmdk"});
    image::copy(host, {at("made.vmdk"), "vmdk"}, at("a longer name.vmdk"));
    image::copy(host, {at("a longer name.vmdk"), "vmdk"}, at("copy"));
    for (const auto* name : {"blank.vmdk", "made.vmdk", "a longer name.vmdk", "copy"}) {
        CAPTURE(name);
        const std::string start = read_file(at(name)).substr(0, 11'000);
        check_says(start, {"createType=\"monolithicSparse\"", "ddb.adapterType = \"lsilogic\"",
                           concat(" SPARSE \"", name, "\"\n")});
        CHECK_NOTHROW(image::check(host, {at(name), "vmdk"}));
    }
    image::convert(host, {at("copy"), "vmdk"}, {at("to.raw"), "raw"});
    CHECK((read_file(at("to.raw")) == read_file(at("from.raw"))));
}

TEST_CASE_FIXTURE(Fixture, "a VMDK grows, and nothing is left of how")
{
    folder.write("from.raw", std::string(3 << 20, 'x'));
    host.make_directory(at("disk"));
    const image::Image disk{at("disk/disk.vmdk"), "vmdk"};
    image::convert(host, {at("from.raw"), "raw"}, disk);
    host.make_directory(at("disk/.larger-disk.vmdk")); // of a call that was killed
    image::resize(host, disk, {200});
    CHECK(image::virtual_size(host, disk) == Mebibytes{200}.bytes());
    CHECK_NOTHROW(image::check(host, disk));
    CHECK(host.info(disk.file)->size < Mebibytes{5}.bytes());
    check_says(read_file(disk.file).substr(0, 11'000), {" SPARSE \"disk.vmdk\"\n"});
    CHECK(host.list(at("disk")) == std::vector<std::string>{"disk.vmdk"});
    image::convert(host, disk, {at("to.raw"), "raw"});
    CHECK((read_file(at("to.raw")).substr(0, 3 << 20) == read_file(at("from.raw"))));
}

TEST_CASE_FIXTURE(Fixture, "a VMDK that cannot grow stays what it is")
{
    folder.write("disk.vmdk", "no VMDK at all");
    CHECK(caught([&] {
              image::resize(host, {at("disk.vmdk"), "vmdk"}, {200});
              return 0;
          }).kind == ErrorKind::cloud);
    CHECK(read_file(at("disk.vmdk")) == "no VMDK at all");
    CHECK(host.list(folder.path()) == std::vector<std::string>{"disk.vmdk"});
    CHECK(caught([&] {
              image::copy(host, {at("disk.vmdk"), "vmdk"}, at("copy.vmdk"));
              return 0;
          }).what.find("copy.vmdk is not a VMDK of one file") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "an image that qemu-img does not resize grows too, and nothing is left of how")
{
    folder.write("from.raw", std::string(3 << 20, 'x'));
    host.make_directory(at("disk"));
    const image::Image disk{at("disk/disk.vdi"), "vdi"};
    image::convert(host, {at("from.raw"), "raw"}, disk, Preallocation::full); // which it does not know either
    host.make_directory(at("disk/.larger-disk.vdi"));                         // of a call that was killed
    image::resize(host, disk, {200});
    CHECK(image::virtual_size(host, disk) == Mebibytes{200}.bytes());
    CHECK_NOTHROW(image::check(host, disk));
    CHECK(host.info(disk.file)->size < Mebibytes{5}.bytes());
    CHECK(host.list(at("disk")) == std::vector<std::string>{"disk.vdi"});
    image::convert(host, disk, {at("to.raw"), "raw"});
    CHECK((read_file(at("to.raw")).substr(0, 3 << 20) == read_file(at("from.raw"))));
}

} // namespace cpi::test
