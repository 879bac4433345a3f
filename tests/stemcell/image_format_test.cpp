#include "base/error.h"
#include "base/text.h"
#include "stemcell/image_format.h"

#include <doctest/doctest.h>

#include <string>

namespace cpi {

namespace {

using namespace std::string_literals;

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30U;

void put_big(std::string& bytes, std::size_t at, std::size_t width, std::uint64_t number)
{
    for (std::size_t i = 0; i < width; ++i)
        bytes.at(at + width - 1 - i) = static_cast<char>(number >> (8 * i) & 0xffU);
}

void put_little(std::string& bytes, std::size_t at, std::uint64_t number)
{
    for (std::size_t i = 0; i < 8; ++i)
        bytes.at(at + i) = static_cast<char>(number >> (8 * i) & 0xffU);
}

std::string qcow2(std::uint64_t version)
{
    std::string start(image_header_bytes, '\0');
    start.replace(0, 4, "QFI\xfb");
    put_big(start, 4, 4, version);
    put_big(start, 20, 4, 16);
    put_big(start, 24, 8, 3 * gibibyte);
    put_big(start, 100, 4, 104);
    return start;
}

std::string qcow2_with(std::size_t at, std::size_t width, std::uint64_t number)
{
    std::string start = qcow2(3);
    put_big(start, at, width, number);
    return start;
}

const std::string plain_descriptor =
    "# Disk DescriptorFile\nversion=1\nCID=7f0a2d1c\nparentCID=ffffffff\n"
    "createType=\"streamOptimized\"\n\n# Extent description\n"
    "RW 6291456 SPARSE \"image-disk1.vmdk\"\n\nddb.adapterType = \"lsilogic\"\n";

std::string vmdk(const std::string& descriptor, std::uint64_t first_sector = 1, std::uint64_t sectors = 20)
{
    std::string start(image_header_bytes, '\0');
    start.replace(0, 4, "KDMV");
    put_little(start, 12, 3 * gibibyte / 512);
    put_little(start, 28, first_sector);
    put_little(start, 36, sectors);
    if (first_sector < 100)
        start.replace(first_sector * 512, descriptor.size(), descriptor);
    return start;
}

std::string raw_disk()
{
    std::string start(image_header_bytes, '\0');
    start[446] = '\x80';
    start[450] = '\x83';
    start[510] = '\x55';
    start[511] = '\xaa';
    return start;
}

std::string refusal(const std::string& start)
{
    try {
        static_cast<void>(recognise_image(start));
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::cloud);
        return error.what();
    }
    return "accepted";
}

} // namespace

TEST_CASE("a qcow2 image of version 2 or 3 is recognised and tells its virtual size")
{
    for (const std::uint64_t version : {2U, 3U}) {
        const auto image = recognise_image(qcow2(version));
        REQUIRE(image);
        CHECK(image->format == ImageFormat::qcow2);
        CHECK(image->virtual_size == 3 * gibibyte);
    }
}

TEST_CASE("a qcow2 image that was not closed, has zstd clusters or extended L2 entries is accepted")
{
    for (const std::uint64_t bit : {0U, 3U, 4U})
        CHECK(recognise_image(qcow2_with(72, 8, 1U << bit)));
}

TEST_CASE("the feature bits of version 3 mean nothing in version 2")
{
    std::string start = qcow2(2);
    put_big(start, 72, 8, 1U << 2U);
    CHECK(recognise_image(start));
}

TEST_CASE("a qcow2 image with a backing file is refused by the file's name")
{
    std::string start = qcow2(3);
    put_big(start, 8, 8, 4096);
    put_big(start, 16, 4, 11);
    start.replace(4096, 11, "/etc/shadow");
    CHECK(refusal(start) ==
          "the qcow2 image has the backing file '/etc/shadow' (a stemcell's image must stand alone)");
}

TEST_CASE("a backing file whose name lies outside the header is refused all the same")
{
    std::string start = qcow2(2);
    put_big(start, 8, 8, ~std::uint64_t{0});
    put_big(start, 16, 4, 0xffffffffU);
    CHECK(refusal(start).find("has the backing file ''") != std::string::npos);
    put_big(start, 8, 8, image_header_bytes - 3);
    CHECK(refusal(start).find("has the backing file") != std::string::npos);
}

TEST_CASE("a qcow2 image that keeps its data elsewhere, is corrupt or needs unknown features is refused")
{
    CHECK(refusal(qcow2_with(72, 8, 1U << 2U)).find("another file") != std::string::npos);
    CHECK(refusal(qcow2_with(72, 8, 1U << 1U)).find("corrupt") != std::string::npos);
    CHECK(refusal(qcow2_with(72, 8, 1U << 5U)).find("incompatible feature bits 32") != std::string::npos);
    CHECK(refusal(qcow2_with(72, 8, std::uint64_t{1} << 63U)).find("unknown features") != std::string::npos);
}

TEST_CASE("an encrypted qcow2 image is refused")
{
    CHECK(refusal(qcow2_with(32, 4, 1)).find("encrypted (method 1") != std::string::npos);
    CHECK(refusal(qcow2_with(32, 4, 2)).find("encrypted (method 2") != std::string::npos);
}

TEST_CASE("a qcow2 image of an unknown version is refused")
{
    CHECK(refusal(qcow2(1)).find("version 1 (allowed: 2 and 3)") != std::string::npos);
    CHECK(refusal(qcow2(4)).find("version 4") != std::string::npos);
}

TEST_CASE("a qcow2 image of an absurd size is refused")
{
    CHECK(refusal(qcow2_with(24, 8, 0)).find("a disk of 0 bytes") != std::string::npos);
    CHECK(refusal(qcow2_with(24, 8, 64 * 1024 * gibibyte + 1)).find("allowed: 1 to 70368744177664") !=
          std::string::npos);
    CHECK(recognise_image(qcow2_with(24, 8, 64 * 1024 * gibibyte)));
}

TEST_CASE("a qcow2 image's clusters have 2^9 to 2^21 bytes")
{
    CHECK(recognise_image(qcow2_with(20, 4, 9)));
    CHECK(recognise_image(qcow2_with(20, 4, 21)));
    CHECK(refusal(qcow2_with(20, 4, 8)).find("2^8") != std::string::npos);
    CHECK(refusal(qcow2_with(20, 4, 22)).find("2^22") != std::string::npos);
    CHECK(refusal(qcow2_with(20, 4, 0xffffffffU)).find("clusters") != std::string::npos);
}

TEST_CASE("an image that ends inside its header is refused, wherever it ends")
{
    const std::string whole = qcow2(3);
    for (const std::size_t bytes : {4U, 71U, 72U, 103U})
        CHECK(refusal(whole.substr(0, bytes)).find("ends inside its header") != std::string::npos);
    const std::string sparse = vmdk(plain_descriptor);
    for (const std::size_t bytes : {4U, 511U, 512U, 21U * 512 - 1})
        CHECK(refusal(sparse.substr(0, bytes)).find("ends inside its header") != std::string::npos);
    CHECK(recognise_image(sparse.substr(0, std::size_t{21} * 512)));
}

TEST_CASE("a sparse vmdk image is recognised and tells its virtual size")
{
    const auto image = recognise_image(vmdk(plain_descriptor));
    REQUIRE(image);
    CHECK(image->format == ImageFormat::vmdk);
    CHECK(image->can_be_written);
    std::string stream = vmdk(plain_descriptor);
    stream[10] = '\x03';
    CHECK_FALSE(recognise_image(stream)->can_be_written);
    CHECK(image->virtual_size == 3 * gibibyte);
}

TEST_CASE("a vmdk image whose data is in other files is refused")
{
    std::string start = vmdk(plain_descriptor);
    put_little(start, 12, 0);
    CHECK(refusal(start).find("takes its data from other files") != std::string::npos);
    for (const auto* type : {"FLAT", "VMFS", "VMFSSPARSE", "ZERO", "VMFSRDM", "flat"})
        CHECK(refusal(vmdk("parentCID=ffffffff\r\nrw\t6291456  "s + type + " \"/dev/sda\" 0\r\n"))
                  .find("an extent of type") != std::string::npos);
    for (const auto& line_end : {"\n"s, "\r"s, "\0"s})
        CHECK(refusal(vmdk(concat("RW 1 SPARSE \"a\"", line_end, "RW 1 FLAT \"/dev/sda\" 0"))) != "accepted");
    CHECK(refusal(vmdk("RDONLY 1 FLAT \"/etc/shadow\" 0")).find("another file") != std::string::npos);
    CHECK(refusal(vmdk("NOACCESS 1 ZERO")).find("another file") != std::string::npos);
}

TEST_CASE("a vmdk image that is one piece of several is refused")
{
    CHECK(refusal(vmdk("RW 1 SPARSE \"a\"\nRW 1 SPARSE \"b\"\n")).find("has 2 extents (allowed: 1)") !=
          std::string::npos);
    CHECK(refusal(vmdk("")).find("has 0 extents (allowed: 1)") != std::string::npos);
    CHECK(refusal(vmdk("", 0, 0)).find("piece of a disk") != std::string::npos);
}

TEST_CASE("a vmdk image with a parent is refused, however the descriptor writes it")
{
    for (const auto* parent : {"parentFileNameHint=\"base.vmdk\"\n", "PARENTFILENAMEHINT = \"base.vmdk\"\n",
                               "# parentFileNameHint=\"base.vmdk\"\n"})
        CHECK(refusal(vmdk("\n"s + parent + "parentCID=ffffffff\n")) != "accepted");
    CHECK(refusal(vmdk("version=1\0\0parentFileNameHint=\"base.vmdk\"\n"s)) != "accepted");
    for (const auto* parent :
         {"parentCID=7f0a2d1c", "parentCID = 7f0a2d1c", "PARENTCID=00000000", "parentCID="})
        CHECK(refusal(vmdk(parent)).find("has a parent: parentCID") != std::string::npos);
    CHECK(refusal(vmdk("parentCID=ffffffff\nparentCID=00000001\n")).find("00000001") != std::string::npos);
    CHECK(recognise_image(vmdk("parentCID = FFFFFFFF\nrw 1 sparse a")));
}

TEST_CASE("a vmdk parent is found where QEMU looks for it, not only where the header says")
{
    std::string start = vmdk(plain_descriptor, 40, 20);
    CHECK(recognise_image(start));
    const std::string hint = "parentFileNameHint=\"/etc/shadow\"";
    start.replace(512 + 10000, hint.size(), hint);
    CHECK(refusal(start).find("parentFileNameHint") != std::string::npos);
}

TEST_CASE("a vmdk descriptor must lie within the bytes that are examined")
{
    CHECK(recognise_image(vmdk(plain_descriptor, 1, 127)));
    for (const auto& start : {vmdk("", 1, 128), vmdk("", 128, 1), vmdk("", ~std::uint64_t{0}, 20),
                              vmdk(plain_descriptor, 1, ~std::uint64_t{0})})
        CHECK(refusal(start).find("has its descriptor at sector") != std::string::npos);
}

TEST_CASE("a vmdk image of an absurd size is refused")
{
    std::string start = vmdk(plain_descriptor);
    for (const std::uint64_t sectors : {64 * 1024 * gibibyte / 512 + 1, ~std::uint64_t{0}}) {
        put_little(start, 12, sectors);
        CHECK(refusal(start).find("is a disk of") != std::string::npos);
    }
}

TEST_CASE("a disk with a partition table is a raw image, and its size is its file's")
{
    const auto image = recognise_image(raw_disk());
    REQUIRE(image);
    CHECK(image->format == ImageFormat::raw);
    CHECK_FALSE(image->virtual_size);
    CHECK(recognise_image(raw_disk().substr(0, 512)));
}

TEST_CASE("what is not a disk image is not taken for one")
{
    CHECK_FALSE(recognise_image(""));
    CHECK_FALSE(recognise_image("QFI"));
    CHECK_FALSE(recognise_image(raw_disk().substr(0, 511)));
    CHECK_FALSE(recognise_image(std::string(image_header_bytes, '\0')));
    CHECK_FALSE(recognise_image("<?xml version=\"1.0\"?><Envelope/>"));
    CHECK_FALSE(recognise_image(plain_descriptor)); // a vmdk that is nothing but names of other files
}

TEST_CASE("a Linux kernel has the boot signature of a disk and is none")
{
    std::string start = raw_disk();
    start.replace(430, 67, std::string(67, '\xff'));
    CHECK_FALSE(recognise_image(start));
}

TEST_CASE("a format is named as qemu-img names it")
{
    CHECK(name_of(ImageFormat::qcow2) == "qcow2");
    CHECK(name_of(ImageFormat::raw) == "raw");
    CHECK(name_of(ImageFormat::vmdk) == "vmdk");
}

} // namespace cpi
