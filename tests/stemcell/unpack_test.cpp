#include "base/error.h"
#include "base/text.h"
#include "host/local_host.h"
#include "stemcell/unpack.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <zlib.h>

namespace cpi {

namespace {

using namespace std::string_literals;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
constexpr UnpackLimits roomy{64 * mebibyte};

enum class Dialect { gnu, ustar, pax };

std::string octal(std::uint64_t number, int digits)
{
    std::string text(static_cast<std::size_t>(digits), '0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, number /= 8)
        *digit = static_cast<char>('0' + number % 8);
    return text;
}

std::string gzip(std::string_view bytes, int level = 6)
{
    constexpr int with_gzip_header = 16 + MAX_WBITS;
    z_stream stream{};
    REQUIRE(::deflateInit2(&stream, level, Z_DEFLATED, with_gzip_header, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string zipped(::deflateBound(&stream, bytes.size()), '\0');
    std::string input{bytes};
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(zipped.data());
    stream.avail_out = static_cast<uInt>(zipped.size());
    REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
    zipped.resize(stream.total_out);
    ::deflateEnd(&stream);
    return zipped;
}

struct Extent {
    std::uint64_t offset = 0;
    std::string bytes;
};

/// A tar, built entry by entry. (libarchive's static library has a tar writer, but it needs a dozen other
/// libraries.)
class Tar {
public:
    explicit Tar(Dialect dialect = Dialect::gnu) : dialect_{dialect} {}

    Tar& file(const std::string& name, std::string_view contents)
    {
        return header('0', name, contents.size()).contents(contents);
    }
    Tar& folder(const std::string& name) { return header('5', name, 0); }
    Tar& link(char type, const std::string& name, const std::string& to) { return header(type, name, 0, to); }
    Tar& device(char type, const std::string& name) { return header(type, name, 0); }
    /// The header says `said_bytes`, the extents say what they say.
    Tar& sparse_file(const std::string& name, std::uint64_t said_bytes, const std::array<Extent, 2>& extents)
    {
        std::string map;
        std::string data;
        for (const Extent& extent : extents) {
            map += concat(octal(extent.offset, 11), '\0', octal(extent.bytes.size(), 11), '\0');
            data += extent.bytes;
        }
        return header('S', name, data.size(), "", map, octal(said_bytes, 11)).contents(data);
    }
    /// A header alone; what follows is the caller's.
    Tar& header(char type, const std::string& name, std::uint64_t size, const std::string& link = "",
                const std::string& sparse_map = "", const std::string& sparse_bytes = "")
    {
        if (dialect_ == Dialect::pax && type != 'x')
            header('x', "PaxHeaders/x", 16).contents("16 comment=abcd\n");
        std::string block(512, '\0');
        const auto put = [&block](std::size_t at, const std::string& text) {
            block.replace(at, text.size(), text);
        };
        put(0, name);
        put(100, "0000644");
        put(124, octal(size, 12));
        put(136, octal(0, 11));
        put(148, std::string(8, ' '));
        put(156, std::string(1, type));
        put(157, link);
        put(257, dialect_ == Dialect::gnu ? "ustar  \0"s : "ustar\00000"s);
        put(386, sparse_map);
        put(483, sparse_bytes);
        std::uint64_t sum = 0;
        for (const char byte : block)
            sum += static_cast<unsigned char>(byte);
        put(148, octal(sum, 6) + '\0');
        bytes_ += block;
        return *this;
    }
    Tar& contents(std::string_view contents)
    {
        bytes_ += contents;
        bytes_.resize((bytes_.size() + 511) / 512 * 512);
        return *this;
    }
    [[nodiscard]] std::string plain() const { return bytes_ + std::string(10240, '\0'); }
    [[nodiscard]] std::string zipped() const { return gzip(plain()); }

private:
    Dialect dialect_;
    std::string bytes_;
};

std::string noise(std::size_t bytes, unsigned seed)
{
    std::minstd_rand random{seed};
    std::string text(bytes, '\0');
    std::ranges::generate(text, [&random] { return static_cast<char>(random() >> 8U); });
    return text;
}

/// A qcow2 header and noise behind it.
std::string qcow2(std::size_t bytes = 300'001)
{
    const std::string header = "QFI\xfb"s + std::string("\0\0\0\3", 4) + std::string(12, '\0') +
                               std::string("\0\0\0\x10", 4) + std::string("\0\0\0\0\x40\0\0\0", 8) +
                               std::string(68, '\0') + std::string("\0\0\0\x68", 4);
    return header + noise(bytes - header.size(), 1);
}

std::string raw_disk(std::size_t bytes)
{
    std::string disk(bytes, '\0');
    disk.replace(446, 5, "\x80\1\1\1\x83"s);
    disk.replace(510, 2, "\x55\xaa");
    return disk;
}

std::string vmdk()
{
    std::string start(70'000, '\0');
    start.replace(0, 4, "KDMV");
    start[14] = '\x10'; // sectors
    start[28] = '\1';   // where the descriptor is
    start[36] = '\x14'; // how long
    const std::string descriptor = "parentCID=ffffffff\nRW 1048576 SPARSE \"a\"\n";
    return start.replace(512, descriptor.size(), descriptor);
}

/// A folder of its own, with an archive in it and the place where the image is to appear.
class Bench : private Pinned {
public:
    explicit Bench(const std::string& archive)
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "unpack_test_XXXXXX").native();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        folder_ = pattern;
        std::ofstream{archive_path(), std::ios::binary} << archive;
    }
    ~Bench() { std::filesystem::remove_all(folder_); }

    [[nodiscard]] Path archive_path() const { return folder_ / "image"; }
    [[nodiscard]] Path target() const { return folder_ / "image.new"; }
    [[nodiscard]] UnpackedImage unpack(const UnpackLimits& limits = roomy)
    {
        return unpack_image(archive_path(), host_, target(), limits);
    }
    [[nodiscard]] std::string contents() { return host_.read(target()).value_or("nothing"); }
    /// The error; checks that the archive is all that is left in the folder.
    [[nodiscard]] std::string refusal(const UnpackLimits& limits = roomy)
    {
        std::string message = "accepted";
        try {
            static_cast<void>(unpack(limits));
        } catch (const Error& error) {
            message = error.what();
        }
        CHECK_MESSAGE(left() == 1, message);
        CHECK_MESSAGE(message.find(archive_path().native()) != std::string::npos, message);
        return message;
    }
    [[nodiscard]] std::ptrdiff_t left() const
    {
        return std::distance(std::filesystem::directory_iterator{folder_}, {});
    }

private:
    Path folder_;
    LocalHost host_;
};

std::string refusal(const std::string& archive, const UnpackLimits& limits = roomy)
{
    return Bench{archive}.refusal(limits);
}

bool contains(const std::string& text, std::string_view part)
{
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("the image in a tar arrives unchanged, whatever the tar's dialect and compression")
{
    const std::string image = qcow2(5'000'003);
    for (const Dialect dialect : {Dialect::gnu, Dialect::ustar, Dialect::pax}) {
        const std::string tar = Tar{dialect}.file("root.img", image).plain();
        for (const std::string& archive : {tar, gzip(tar, 0), gzip(tar, 6)}) {
            Bench bench{archive};
            const UnpackedImage unpacked = bench.unpack();
            CHECK(unpacked.entry == "root.img");
            CHECK(unpacked.bytes == image.size());
            CHECK(unpacked.image.format == ImageFormat::qcow2);
            CHECK(unpacked.image.virtual_size == 1024 * mebibyte);
            CHECK_FALSE(unpacked.ovf);
            CHECK((bench.contents() == image));
        }
    }
}

TEST_CASE("an image is known by its contents, not by its name")
{
    Bench bench{Tar{}
                    .folder("./")
                    .file("./image.mf", "SHA1(x)= y\n")
                    .folder("a/")
                    .file("a/readme.txt", qcow2())
                    .zipped()};
    CHECK(bench.unpack().entry == "a/readme.txt");
    CHECK((bench.contents() == qcow2()));
}

TEST_CASE("an entry's name may have any letters, whatever the locale")
{
    Bench bench{
        Tar{}.header('x', "x", 18).contents("18 path=b\u00fcro.img\n").file("short", qcow2()).zipped()};
    CHECK(bench.unpack().entry == "b\u00fcro.img");
}

TEST_CASE("a vmdk comes with its OVF, and the files beside it are passed over")
{
    const std::string ovf = "<?xml version=\"1.0\"?><Envelope/>";
    Bench bench{
        Tar{}.file("image.ovf", ovf).file("image.mf", "SHA256").file("image-disk1.vmdk", vmdk()).zipped()};
    const UnpackedImage unpacked = bench.unpack();
    CHECK(unpacked.image.format == ImageFormat::vmdk);
    CHECK(unpacked.ovf == ovf);
    CHECK((bench.contents() == vmdk()));
}

TEST_CASE("where an image is zero the file has a hole")
{
    std::string image = raw_disk(8 * mebibyte + 1000);
    image.replace(3 * mebibyte + 5, 5, "hello");
    Bench bench{Tar{}.file("root.img", image).zipped()};
    const UnpackedImage unpacked = bench.unpack();
    CHECK(unpacked.image.format == ImageFormat::raw);
    CHECK((bench.contents() == image));
    struct stat status {};
    REQUIRE(::stat(bench.target().c_str(), &status) == 0);
    CHECK(static_cast<std::uint64_t>(status.st_blocks) * 512 <= mebibyte);
}

TEST_CASE("a sparse entry is unpacked to its whole length")
{
    const std::string head = raw_disk(512);
    const std::size_t size = 5 * mebibyte;
    for (const std::size_t offset : {3 * mebibyte, 3 * mebibyte - 5, size - 5}) {
        Bench bench{Tar{}.sparse_file("root.img", size, {Extent{0, head}, Extent{offset, "hello"}}).zipped()};
        CHECK(bench.unpack().bytes == size);
        std::string expected = head + std::string(size - head.size(), '\0');
        expected.replace(offset, 5, "hello");
        CHECK((bench.contents() == expected));
    }
}

TEST_CASE("a sparse entry whose data is longer than its header says does not pass the limit")
{
    const std::string archive =
        Tar{}.sparse_file("root.img", 512, {Extent{0, qcow2()}, Extent{2 * mebibyte, "hello"}}).zipped();
    CHECK(contains(refusal(archive, {mebibyte}), "(allowed: 1048576)"));
}

TEST_CASE("a sparse entry of holes alone does not pass the limit")
{
    const std::string archive = Tar{}
                                    .sparse_file("root.img", std::uint64_t{7} << 30U,
                                                 {Extent{0, qcow2()}, Extent{std::uint64_t{7} << 30U, ""}})
                                    .zipped();
    CHECK(contains(refusal(archive), "'root.img' of 7516192768 bytes (allowed: 67108864)"));
}

TEST_CASE("sparse extents that run backwards are damage")
{
    const std::string archive =
        Tar{}.sparse_file("root.img", 2 * mebibyte, {Extent{0, qcow2()}, Extent{512, "hello"}}).zipped();
    CHECK(contains(refusal(archive), "is damaged"));
}

TEST_CASE("a gzip file of several streams, and padding behind the last, are as good as one")
{
    const std::string tar = Tar{}.file("root.img", qcow2()).plain();
    const std::string_view all = tar;
    Bench bench{concat(gzip(all.substr(0, 1000)), gzip(all.substr(1000)), std::string(3000, '\0'))};
    CHECK(bench.unpack().bytes == qcow2().size());
    CHECK((bench.contents() == qcow2()));
}

TEST_CASE("what is no tar is refused by what it seems to be")
{
    CHECK(contains(refusal(""), "is empty"));
    CHECK(contains(refusal("hello"), "is not a tar, gzip'ed or plain. Try: "));
    CHECK(contains(refusal(noise(100'000, 7)), "is not a tar"));
    CHECK(contains(refusal("\xfd"
                           "7zXZ" +
                           noise(5000, 7)),
                   "but xz"));
    CHECK(contains(refusal("BZh9" + noise(5000, 7)), "but bzip2"));
    CHECK(contains(refusal(qcow2()), "but a bare qcow2 image"));
    CHECK(contains(Bench{""}.refusal(), "is empty"));
}

TEST_CASE("an archive that is not there is refused by its name")
{
    LocalHost host;
    CHECK_THROWS_WITH_AS(static_cast<void>(unpack_image("/nowhere/image", host, "/nowhere/target", roomy)),
                         doctest::Contains("/nowhere/image: No such file"), Error);
}

TEST_CASE("an archive without a disk image is refused with what it holds")
{
    const std::string refused =
        refusal(Tar{}.file("one.txt", "1").folder("two/").file("image.ovf", "<x/>").zipped());
    CHECK(contains(refused, "it holds 'one.txt', 'two/', 'image.ovf'"));
    CHECK(contains(refused, "expected is a disk image: qcow2, raw with a partition table, or sparse vmdk"));
    CHECK(contains(refusal(Tar{}.zipped()), "it is empty"));
}

TEST_CASE("no more than ten names are told of an archive without a disk image")
{
    Tar tar;
    for (int i = 0; i < 12; ++i)
        tar.file(concat("file-", i), "x");
    const std::string refused = refusal(tar.zipped());
    CHECK(contains(refused, "'file-9'"));
    CHECK(refused.find("'file-10'") == std::string::npos);
}

TEST_CASE("a root file system is recognised as a container's stemcell")
{
    CHECK(contains(refusal(Tar{}.folder("./").link('2', "./bin", "usr/bin").zipped()),
                   "container (warden) stemcell"));
    CHECK(
        contains(refusal(Tar{}.folder("./").folder("./etc/").file("./etc/x", "y").folder("./usr/").zipped()),
                 "container (warden) stemcell"));
    // Its kernel is not taken for the image.
    CHECK(
        contains(refusal(Tar{}.folder("boot/").file("boot/vmlinuz", raw_disk(5000)).folder("etc/").zipped()),
                 "container (warden) stemcell"));
}

TEST_CASE("two disk images are refused by both names")
{
    const std::string refused =
        refusal(Tar{}.file("a.img", qcow2()).file("b.img", raw_disk(mebibyte)).zipped());
    CHECK(contains(refused, "holds two disk images, 'a.img' and 'b.img' (allowed: one)"));
}

TEST_CASE("entries that no stemcell has are refused, before the image and behind it")
{
    const auto both = [](const auto& add, std::string_view expected) {
        Tar before;
        add(before);
        CHECK(contains(refusal(before.file("root.img", qcow2()).zipped()), expected));
        Tar behind;
        behind.file("root.img", qcow2());
        add(behind);
        CHECK(contains(refusal(behind.zipped()), expected));
    };
    both([](Tar& tar) { tar.file("/etc/passwd", "x"); }, "'/etc/passwd' (allowed: names that stay within");
    both([](Tar& tar) { tar.file("../passwd", "x"); }, "'../passwd' (allowed");
    both([](Tar& tar) { tar.file("a/../../x", "x"); }, "'a/../../x' (allowed");
    both([](Tar& tar) { tar.folder("a/.."); }, "(allowed: names");
    both([](Tar& tar) { tar.link('2', "a", "/etc/passwd"); }, "'a', which is a symbolic link");
    both([](Tar& tar) { tar.link('1', "a", "/etc/passwd"); }, "'a', which is a hard link");
    both([](Tar& tar) { tar.device('3', "a"); }, "'a', which is a device");
    both([](Tar& tar) { tar.device('4', "a"); }, "'a', which is a device");
    both([](Tar& tar) { tar.device('6', "a"); }, "'a', which is a fifo");
}

TEST_CASE("an image that points outside itself is refused by its name in the archive")
{
    std::string image = qcow2();
    image[15] = '\x70';
    const std::string refused = refusal(Tar{}.file("evil.img", image).zipped());
    CHECK(contains(refused, "'evil.img': the qcow2 image has the backing file"));
}

TEST_CASE("an OVF is one, and small")
{
    const auto with = [](std::size_t bytes) {
        return Tar{}.file("x.OVF", std::string(bytes, ' ')).file("root.img", qcow2()).zipped();
    };
    CHECK(Bench{with(mebibyte)}.unpack().ovf->size() == mebibyte);
    CHECK(contains(refusal(with(mebibyte + 1)), "'x.OVF' of 1048577 bytes (allowed: 1048576)"));
    CHECK(contains(refusal(Tar{}.file("a.ovf", "").file("b.ovf", "").zipped()), "a second OVF, 'b.ovf'"));
}

TEST_CASE("an image larger than allowed is refused with both sizes")
{
    const std::string archive = Tar{}.file("root.img", qcow2(300'001)).zipped();
    CHECK(contains(refusal(archive, {300'000}), "'root.img' of 300001 bytes (allowed: 300000)"));
    CHECK(Bench{archive}.unpack({300'001}).bytes == 300'001);
}

TEST_CASE("a bomb goes off quickly")
{
    constexpr std::uint64_t ten_gibibytes = std::uint64_t{10} << 30U;
    const std::string zeros = gzip(std::string(64 * mebibyte, '\0')); // a gzip file may have many streams
    const auto bomb = [&zeros](std::string_view start) {
        std::string archive = gzip(Tar{}.header('0', "bomb", ten_gibibytes).contents(start).plain());
        for (std::uint64_t bytes = 0; bytes < ten_gibibytes; bytes += 64 * mebibyte)
            archive += zeros;
        return archive;
    };
    CHECK(contains(refusal(bomb(qcow2())), "'bomb' of 10737418240 bytes (allowed: 67108864)"));
    CHECK(contains(refusal(bomb("")), "unpacks to more than the 134217728 bytes allowed"));
    // Behind the tar's end, too.
    CHECK(contains(refusal(concat(Tar{}.file("root.img", qcow2()).zipped(), zeros, zeros, zeros)),
                   "unpacks to more than"));
}

TEST_CASE("a bit that was flipped anywhere in the data is noticed")
{
    const std::string image = qcow2();
    for (const int level : {0, 6}) {
        const std::string whole = gzip(Tar{}.file("root.img", image).plain(), level);
        for (const std::size_t percent : {5U, 20U, 50U, 80U, 95U}) {
            std::string flipped = whole;
            flipped[whole.size() * percent / 100] ^= '\x10';
            CHECK(contains(refusal(flipped), "is damaged: "));
        }
    }
}

TEST_CASE("a wrong checksum or length at the end of the gzip stream is noticed")
{
    const std::string whole = Tar{}.file("root.img", qcow2()).zipped();
    for (std::size_t from_end = 1; from_end <= 8; ++from_end) {
        std::string flipped = whole;
        flipped[whole.size() - from_end] ^= '\1';
        CHECK(contains(refusal(flipped), from_end <= 4 ? "incorrect length check" : "incorrect data check"));
    }
}

TEST_CASE("a file that was cut is noticed, wherever that was")
{
    const std::string whole = Tar{}.file("root.img", qcow2()).zipped();
    for (std::size_t cut = 1; cut <= 9; ++cut)
        CHECK(contains(refusal(whole.substr(0, whole.size() - cut)), "is damaged: it ends in the middle"));
    for (std::size_t kept = 2; kept < whole.size(); kept += whole.size() / 23)
        CHECK(contains(refusal(whole.substr(0, kept)), "is damaged: it ends in the middle"));
}

TEST_CASE("a plain tar that was cut or whose header is wrong is damaged")
{
    const std::string whole = Tar{}.file("a.txt", "x").file("root.img", qcow2()).plain();
    for (const std::size_t kept : {1500U, 2000U, 100'000U, 300'000U})
        CHECK(contains(refusal(whole.substr(0, kept)), "is damaged: "));
    std::string wrong = whole;
    wrong[1024 + 130] ^= '\1';
    CHECK(contains(refusal(wrong), "is damaged: "));
}

TEST_CASE("a target that exists already is refused and stays as it is")
{
    Bench bench{Tar{}.file("root.img", qcow2()).zipped()};
    std::ofstream{bench.target()} << "somebody's";
    CHECK_THROWS_AS(static_cast<void>(bench.unpack()), Error);
    CHECK(bench.contents() == "somebody's");
}

namespace {

class FullSink final : public Sink {
public:
    explicit FullSink(std::unique_ptr<Sink> sink) : sink_{std::move(sink)} {}
    void write(std::span<const char> bytes) override
    {
        sink_->write(bytes.first(1));
        throw Error{ErrorKind::no_disk_space, "writing the target: No space left on device"};
    }
    void skip(std::uint64_t bytes) override { sink_->skip(bytes); }
    void finish() override { sink_->finish(); }

private:
    std::unique_ptr<Sink> sink_;
};

/// Takes one byte of each file, then its disk is full. What unpacking has no use for is not there.
class FullHost final : public Host {
public:
    [[nodiscard]] std::unique_ptr<Sink> create(const Path& file, Access access) override
    {
        return std::make_unique<FullSink>(local_.create(file, access));
    }
    void discard(const Path& path) override { local_.discard(path); }

    [[nodiscard]] Output run(const Command& /*command*/) override { return {}; }
    [[nodiscard]] std::optional<std::string> read_start(const Path& /*file*/, std::size_t /*bytes*/) override
    {
        return {};
    }
    [[nodiscard]] std::optional<FileInfo> info(const Path& /*path*/) override { return {}; }
    [[nodiscard]] std::vector<std::string> list(const Path& /*directory*/) override { return {}; }
    [[nodiscard]] Space space(const Path& /*path*/) override { return {}; }
    void make_directory(const Path& /*directory*/, Access /*access*/) override {}
    void publish(const Path& /*file*/, std::string_view /*bytes*/, Access /*access*/) override {}
    void link(const Path& /*existing*/, const Path& /*name*/) override {}
    void copy(const Path& /*from*/, const Path& /*to*/) override {}
    void point(const Path& /*name*/, const Path& /*target*/) override {}
    [[nodiscard]] std::optional<Path> target_of(const Path& /*name*/) override { return {}; }
    void rename(const Path& /*from*/, const Path& /*to*/) override {}
    [[nodiscard]] std::unique_ptr<HeldLock> lock(const Path& /*file*/, const Deadline& /*deadline*/) override
    {
        return nullptr;
    }
    [[nodiscard]] std::unique_ptr<HeldLock> try_lock(const Path& /*file*/) override { return nullptr; }
    [[nodiscard]] std::unique_ptr<HeldLock> create_locked(const Path& /*file*/) override { return nullptr; }

private:
    LocalHost local_;
};

} // namespace

TEST_CASE("a full disk is reported as one, and what was written is removed")
{
    const Bench bench{Tar{}.file("root.img", qcow2()).zipped()};
    FullHost host;
    try {
        static_cast<void>(unpack_image(bench.archive_path(), host, bench.target(), roomy));
        FAIL("it should have thrown");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::no_disk_space);
        CHECK(contains(error.what(), concat("unpacking the stemcell image ", bench.archive_path().native())));
    }
    CHECK(bench.left() == 1);
}

TEST_CASE("a call that is asked to end stops unpacking and leaves nothing")
{
    Bench bench{Tar{}.file("root.img", qcow2()).zipped()};
    const pid_t child = ::fork(); // an interrupt is for the rest of a process's life
    if (child == 0) {
        interrupt();
        bool stopped = false;
        try {
            static_cast<void>(bench.unpack());
        } catch (const Error&) {
            stopped = true;
        }
        ::_exit(stopped && bench.left() == 1 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

} // namespace cpi
