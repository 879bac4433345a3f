// What any host does: these tests are part of two suites, which differ in what `make_host` makes.

#include "src/caught.h"
#include "src/child.h"
#include "src/host/make_host.h"
#include "support/temp_dir.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <thread>

namespace cpi::test {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Fixture {
    TempDir folder;
    std::unique_ptr<Host> made = make_host();
    Host& host = *made;

    [[nodiscard]] Path at(std::string_view name) const { return folder.path() / name; }
};

struct stat status_of(const Path& path)
{
    struct stat found {};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    return found;
}

unsigned mode_of(const Path& path)
{
    return status_of(path).st_mode & 0777U;
}

} // namespace

TEST_CASE_FIXTURE(Fixture, "reading gives a file's bytes, all or the first")
{
    const std::string bytes("a\0b\xff\n", 5);
    folder.write("file", bytes);
    CHECK(host.read(at("file")) == bytes);
    CHECK(host.read_start(at("file"), 2) == bytes.substr(0, 2));
    CHECK(host.read_start(at("file"), 100) == bytes);
    CHECK(host.read_start(at("file"), 0) == "");
    folder.write("empty", "");
    CHECK(host.read(at("empty")) == "");
    const std::string large(1'000'003, 'x');
    folder.write("large", large);
    CHECK((host.read(at("large")) == large));
    CHECK(host.read_start(at("large"), 20'000)->size() == 20'000);
}

TEST_CASE_FIXTURE(Fixture, "what is not there is an answer and no error")
{
    CHECK_FALSE(host.read(at("absent")));
    CHECK_FALSE(host.read(at("absent/below")));
    CHECK_FALSE(host.read_start(at("absent"), 1));
    CHECK_FALSE(host.info(at("absent")));
    CHECK(host.list(at("absent")).empty());
    CHECK_NOTHROW(host.discard(at("absent")));
    CHECK_NOTHROW(host.discard(at("absent/below")));
    CHECK(host.lock(at("absent"), Deadline{1h}) == nullptr);
    CHECK(host.try_lock(at("absent")) == nullptr);
    CHECK(folder.listing().empty());
}

TEST_CASE_FIXTURE(Fixture, "what cannot be looked at is an error that names it, never an absence")
{
    folder.write("file", "x");
    for (const auto& error :
         {caught([&] { return host.read(at("file/below")); }),
          caught([&] { return host.info(at("file/below")); }), caught([&] { return host.list(at("file")); }),
          caught([&] { return host.lock(at("file/below"), Deadline{0ms}) == nullptr; })}) {
        CHECK(error.kind == ErrorKind::cloud);
        check_says(error.what, {at("file").native()});
    }
    std::filesystem::create_symlink("loop", at("loop"));
    CHECK(caught([&] { return host.read(at("loop")); }).kind == ErrorKind::cloud);
    check_says(caught([&] { return host.read(folder.path()); }).what,
               {folder.path().native(), "Is a directory"});
}

TEST_CASE_FIXTURE(Fixture, "info tells kind and size")
{
    folder.write("file", "12345");
    host.make_directory(at("directory"));
    std::filesystem::create_symlink("file", at("link"));
    CHECK(host.info(at("file"))->kind == FileInfo::Kind::file);
    CHECK(host.info(at("file"))->size == 5);
    CHECK(host.info(at("directory"))->kind == FileInfo::Kind::directory);
    CHECK(host.info(at("link"))->kind == FileInfo::Kind::other);
}

TEST_CASE_FIXTURE(Fixture, "list gives the names in a directory, hidden ones included")
{
    folder.write("b", "");
    folder.write(".hidden", "");
    host.make_directory(at("directory"));
    auto names = host.list(folder.path());
    std::ranges::sort(names);
    CHECK(names == std::vector<std::string>{".hidden", "b", "directory"});
    CHECK(host.list(at("directory")).empty());
}

TEST_CASE_FIXTURE(Fixture, "space tells a file system's size and what is left of it")
{
    const Space space = host.space(folder.path());
    CHECK(space.total > 0);
    CHECK(space.available <= space.total);
    check_says(caught([&] { return host.space(at("absent")).total; }).what, {at("absent").native()});
}

TEST_CASE_FIXTURE(Fixture, "a directory may exist already, its parent must")
{
    host.make_directory(at("a"));
    CHECK(mode_of(at("a")) == 0711);
    folder.write("a/file", "x");
    CHECK_NOTHROW(host.make_directory(at("a")));
    CHECK(read_file(at("a/file")) == "x");
    check_says(caught([&] {
                   host.make_directory(at("x/y"));
                   return 0;
               }).what,
               {at("x/y").native()});
}

TEST_CASE_FIXTURE(
    Fixture, "published files have the contents and the mode that were asked for, and nothing else is left")
{
    host.publish(at("secret"), "one", Access::owner);
    host.publish(at("public"), "two", Access::everyone);
    CHECK(read_file(at("secret")) == "one");
    CHECK(read_file(at("public")) == "two");
    CHECK(mode_of(at("secret")) == 0600);
    CHECK(mode_of(at("public")) == 0644);
    CHECK(folder.listing() == "public\nsecret");
}

TEST_CASE_FIXTURE(Fixture, "modes do not depend on the umask of whoever calls")
{
    CHECK(in_child([&] {
              ::umask(0077);
              host.publish(at("public"), "two", Access::everyone);
              host.make_directory(at("directory"));
              return concat(mode_of(at("public")), " ", mode_of(at("directory")));
          }) == concat(0644, " ", 0711));
}

TEST_CASE_FIXTURE(Fixture, "publishing replaces a file by another one, whose mode is new as well")
{
    host.publish(at("file"), "old", Access::everyone);
    const auto before = status_of(at("file")).st_ino;
    std::filesystem::create_hard_link(at("file"), at("kept"));
    host.publish(at("file"), "new", Access::owner);
    CHECK(read_file(at("file")) == "new");
    CHECK(read_file(at("kept")) == "old");
    CHECK(mode_of(at("file")) == 0600);
    CHECK(status_of(at("file")).st_ino != before);
    CHECK(folder.listing() == "file\nkept");
}

TEST_CASE_FIXTURE(Fixture, "a reader always finds the old contents or the new")
{
    const std::string old_text(300'000, 'a');
    const std::string new_text(300'000, 'b');
    host.publish(at("file"), old_text, Access::owner);
    Child writer{[&] {
        const auto own = make_host();
        for (int i = 0; i < 40; ++i)
            own->publish(at("file"), i % 2 == 0 ? new_text : old_text, Access::owner);
        return std::string{"done"};
    }};
    bool torn = false;
    for (const Deadline deadline{200ms}; !deadline.passed();) {
        const auto seen = host.read(at("file"));
        torn = torn || !seen || (*seen != old_text && *seen != new_text);
    }
    CHECK_FALSE(torn);
    CHECK(writer.result() == "done");
}

TEST_CASE_FIXTURE(Fixture, "what a killed call left of a file is gone when the file is published again")
{
    folder.write(".new-file", "half");
    host.publish(at("file"), "whole", Access::owner);
    CHECK(folder.listing() == "file");
    CHECK(host.read(at("file")) == "whole");
}

TEST_CASE_FIXTURE(Fixture, "a file that cannot be published leaves nothing behind")
{
    host.make_directory(at("directory"));
    folder.write("directory/x", "x");
    check_says(caught([&] {
                   host.publish(at("directory"), "x", Access::owner);
                   return 0;
               }).what,
               {at("directory").native()});
    CHECK(folder.listing() == "directory\ndirectory/x");
    check_says(caught([&] {
                   host.publish(at("absent/file"), "x", Access::owner);
                   return 0;
               }).what,
               {"absent"});
}

TEST_CASE_FIXTURE(Fixture, "what is skipped is a hole that reads as zeros")
{
    const auto sink = host.create(at("sparse"), Access::owner);
    sink->write(std::array{'a', 'b'});
    sink->skip(std::uint64_t{16} << 20U);
    sink->write(std::array{'c'});
    sink->skip(std::uint64_t{8} << 20U);
    sink->finish();
    const auto found = status_of(at("sparse"));
    CHECK(found.st_size == 2 + (16 << 20) + 1 + (8 << 20));
    CHECK(found.st_blocks * 512 < 1 << 20);
    CHECK(mode_of(at("sparse")) == 0600);
    const std::string bytes = read_file(at("sparse"));
    CHECK(bytes.size() == static_cast<std::size_t>(found.st_size));
    CHECK(bytes.starts_with("ab"));
    CHECK(bytes.at(2 + (16 << 20)) == 'c');
    CHECK(std::ranges::count(bytes, '\0') == (16 << 20) + (8 << 20));
}

TEST_CASE_FIXTURE(Fixture, "a sink writes many megabytes in order")
{
    const auto sink = host.create(at("file"), Access::everyone);
    std::string chunk(1'000'001, ' ');
    for (char c = 'a'; c < 'a' + 20; ++c) {
        std::ranges::fill(chunk, c);
        sink->write(chunk);
    }
    sink->finish();
    CHECK(mode_of(at("file")) == 0644);
    const std::string bytes = read_file(at("file"));
    CHECK(bytes.size() == 20 * chunk.size());
    CHECK(std::ranges::is_sorted(bytes));
    CHECK(bytes.back() == 'a' + 19);
}

TEST_CASE_FIXTURE(Fixture, "a file of nothing is a file")
{
    host.create(at("file"), Access::owner)->finish();
    CHECK(host.info(at("file"))->size == 0);
}

TEST_CASE_FIXTURE(Fixture, "a blank file is as large as is said, takes no room, and is new")
{
    constexpr std::uint64_t terabyte = std::uint64_t{1} << 40U;
    host.create_blank(at("blank"), terabyte);
    CHECK(host.info(at("blank"))->size == terabyte);
    CHECK(status_of(at("blank")).st_blocks == 0);
    CHECK(mode_of(at("blank")) == 0600);
    folder.write("file", "precious");
    check_says(caught([&] {
                   host.create_blank(at("file"), 0);
                   return 0;
               }).what,
               {"creating ", at("file").native(), "File exists"});
    CHECK(read_file(at("file")) == "precious");
}

TEST_CASE_FIXTURE(Fixture, "create never touches what is there already")
{
    folder.write("file", "precious");
    std::filesystem::create_symlink("elsewhere", at("link"));
    for (const auto* name : {"file", "link"})
        check_says(caught([&] { return host.create(at(name), Access::owner) != nullptr; }).what,
                   {"creating ", at(name).native(), "File exists"});
    CHECK(read_file(at("file")) == "precious");
    CHECK_FALSE(host.info(at("elsewhere")));
}

TEST_CASE_FIXTURE(Fixture, "a file of the CPI's machine is brought whole")
{
    const std::string bytes(3'000'001, 'x');
    CHECK(host.read(host.bring(folder.write("own", bytes), at("copy"))) == bytes);
    CHECK(host.read(host.bring(folder.write("empty", ""), at("empty copy"))) == "");
}

TEST_CASE_FIXTURE(Fixture, "links gives those of the names in a directory that are symbolic links")
{
    folder.write("file", "x");
    std::filesystem::create_symlink("file", at("to a file"));
    std::filesystem::create_symlink("nowhere", at("to\nnothing"));
    auto names = host.links(folder.path());
    std::ranges::sort(names);
    CHECK(names == std::vector<std::string>{"to\nnothing", "to a file"});
    CHECK(host.links(at("absent")).empty());
}

TEST_CASE_FIXTURE(Fixture, "a link is a second name for the same file")
{
    folder.write("file", "x");
    host.link(at("file"), at("name"));
    CHECK(status_of(at("file")).st_ino == status_of(at("name")).st_ino);
    host.discard(at("file"));
    CHECK(read_file(at("name")) == "x");
    check_says(caught([&] {
                   host.link(at("absent"), at("other"));
                   return 0;
               }).what,
               {at("absent").native(), at("other").native()});
    folder.write("taken", "");
    CHECK(caught([&] {
              host.link(at("name"), at("taken"));
              return 0;
          }).kind == ErrorKind::cloud);
}

TEST_CASE_FIXTURE(Fixture, "rename moves files and directories, and never onto something")
{
    host.make_directory(at("from"));
    folder.write("from/x", "x");
    host.rename(at("from"), at("to"));
    CHECK(folder.listing() == "to\nto/x");
    folder.write("file", "1");
    folder.write("target", "2");
    host.make_directory(at("empty"));
    check_says(caught([&] {
                   host.rename(at("file"), at("target"));
                   return 0;
               }).what,
               {at("file").native(), at("target").native(), "File exists"});
    CHECK(caught([&] {
              host.rename(at("to"), at("empty"));
              return 0;
          }).kind == ErrorKind::cloud);
    CHECK(read_file(at("target")) == "2");
    CHECK(read_file(at("to/x")) == "x");
    CHECK(caught([&] {
              host.rename(at("absent"), at("new"));
              return 0;
          }).kind == ErrorKind::cloud);
}

TEST_CASE_FIXTURE(Fixture, "discard removes files, links and whole directories, and not what links point to")
{
    folder.write("file", "x");
    host.make_directory(at("directory"));
    host.make_directory(at("directory/sub"));
    folder.write("directory/sub/x", "x");
    folder.write("kept", "x");
    std::filesystem::create_symlink("kept", at("link"));
    std::filesystem::create_symlink(at("kept"), at("directory/link"));
    std::filesystem::create_directory_symlink("directory", at("directory-link"));
    host.discard(at("directory-link"));
    CHECK(host.info(at("directory/sub/x")));
    host.discard(at("file"));
    host.discard(at("link"));
    host.discard(at("directory"));
    CHECK(folder.listing() == "kept");
}

TEST_CASE_FIXTURE(Fixture, "what an interrupted discard has left is discarded by its name")
{
    host.make_directory(at(".old-abc-x"));
    folder.write(".old-abc-x/file", "x");
    host.discard(at(".old-abc-x"));
    CHECK(folder.listing().empty());
}

TEST_CASE_FIXTURE(Fixture, "a lock keeps others out until it is let go")
{
    folder.write("lock", "");
    Child holder{[&] {
        const auto own = make_host();
        auto mine = own->lock(at("lock"), Deadline{0ms});
        folder.write("ready", "");
        std::this_thread::sleep_for(300ms);
        const bool others_waited = !std::filesystem::exists(at("got"));
        mine.reset();
        std::this_thread::sleep_for(600ms);
        return concat("waited: ", others_waited, ", then got it: ", std::filesystem::exists(at("got")));
    }};
    REQUIRE(wait_until(Deadline{10s}, [&] { return host.info(at("ready")).has_value(); }));
    CHECK(host.try_lock(at("lock")) == nullptr);
    const auto held = host.lock(at("lock"), Deadline{20s});
    CHECK(held != nullptr);
    folder.write("got", "");
    CHECK(holder.result() == "waited: 1, then got it: 1");
    CHECK(host.try_lock(at("lock")) == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "whoever waits in vain for a lock is told for which file")
{
    folder.write("lock", "");
    const auto held = host.lock(at("lock"), Deadline{0ms});
    const auto begin = Clock::now();
    const Caught error = caught([&] { return host.lock(at("lock"), Deadline{100ms}) != nullptr; });
    CHECK(Clock::now() - begin >= 100ms);
    CHECK(Clock::now() - begin < 3s);
    CHECK(error.kind == ErrorKind::cloud);
    check_says(error.what, {"waited in vain", at("lock").native(), "Try: fuser -v"});
}

TEST_CASE_FIXTURE(Fixture, "a lock ends with its holder, even by SIGKILL")
{
    folder.write("lock", "");
    Child holder{[&] {
        const auto own = make_host();
        const auto mine = own->lock(at("lock"), Deadline{0ms});
        folder.write("ready", "");
        std::this_thread::sleep_for(60s);
        return std::string{};
    }};
    REQUIRE(wait_until(Deadline{10s}, [&] { return host.info(at("ready")).has_value(); }));
    CHECK(host.try_lock(at("lock")) == nullptr);
    holder.kill();
    CHECK(host.lock(at("lock"), Deadline{1s}) != nullptr);
}

TEST_CASE_FIXTURE(Fixture, "whoever waited for the lock of an object that was moved away holds nothing")
{
    host.make_directory(at("object"));
    folder.write("object/lock", "");
    Child remover{[&] {
        const auto own = make_host();
        const auto mine = own->lock(at("object/lock"), Deadline{0ms});
        folder.write("ready", "");
        std::this_thread::sleep_for(200ms);
        own->rename(at("object"), at("moved"));
        return std::string{};
    }};
    REQUIRE(wait_until(Deadline{10s}, [&] { return host.info(at("ready")).has_value(); }));
    CHECK(host.lock(at("object/lock"), Deadline{20s}) == nullptr);
    CHECK(remover.result().empty());
    CHECK(host.lock(at("moved/lock"), Deadline{0ms}) != nullptr);
}

TEST_CASE_FIXTURE(Fixture, "the lock of a file that was replaced is nobody's")
{
    folder.write("lock", "");
    Child remover{[&] {
        const auto own = make_host();
        const auto mine = own->lock(at("lock"), Deadline{0ms});
        folder.write("ready", "");
        std::this_thread::sleep_for(3s); // by then the other one waits, also on a host that is busy
        own->publish(at("lock"), "", Access::owner);
        return std::string{};
    }};
    REQUIRE(wait_until(Deadline{10s}, [&] { return host.info(at("ready")).has_value(); }));
    CHECK(host.lock(at("lock"), Deadline{20s}) == nullptr);
    CHECK(remover.result().empty());
}

TEST_CASE_FIXTURE(Fixture, "create_locked makes a file that is held from the start")
{
    auto held = host.create_locked(at("mark"));
    REQUIRE(held);
    CHECK(host.info(at("mark"))->size == 0);
    CHECK(mode_of(at("mark")) == 0600);
    CHECK(host.try_lock(at("mark")) == nullptr);
    held.reset();
    CHECK(host.try_lock(at("mark")) != nullptr);
}

TEST_CASE_FIXTURE(Fixture, "create_locked waits for who sweeps, and makes the file anew")
{
    folder.write("mark", "");
    Child sweeper{[&] {
        const auto own = make_host();
        const auto mine = own->try_lock(at("mark"));
        folder.write("ready", mine ? "" : "not locked");
        std::this_thread::sleep_for(200ms);
        own->discard(at("mark"));
        return std::string{};
    }};
    REQUIRE(wait_until(Deadline{10s}, [&] { return host.info(at("ready")).has_value(); }));
    const auto held = host.create_locked(at("mark"));
    CHECK(sweeper.result().empty());
    CHECK(host.info(at("ready"))->size == 0);
    CHECK(host.info(at("mark")));
    CHECK(host.try_lock(at("mark")) == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "a copy may be on a file system of another kind")
{
    const std::string from = concat("/dev/shm/libvirt-cpi-test-", ::getpid()); // which is in memory
    const std::string bytes(100'000, 'x');
    std::ofstream{from} << bytes;
    host.copy(from, at("to"));
    std::filesystem::remove(from);
    CHECK(host.read(at("to")) == bytes);
}

TEST_CASE_FIXTURE(Fixture, "a copy has the same bytes and the same holes, and is a file of its own")
{
    constexpr std::uint64_t hole = std::uint64_t{3} << 20U;
    const std::string data(100'000, 'd');
    const auto sink = host.create(at("from"), Access::owner);
    sink->write(data);
    sink->skip(hole);
    sink->write(data);
    sink->skip(hole);
    sink->finish();
    host.copy(at("from"), at("to"));
    CHECK((read_file(at("to")) == read_file(at("from"))));
    CHECK(host.info(at("to"))->size == 2 * (data.size() + hole));
    struct stat found {};
    REQUIRE(::stat(at("to").c_str(), &found) == 0);
    CHECK(static_cast<std::uint64_t>(found.st_blocks) * 512 < 4 * data.size());
    CHECK(mode_of(at("to")) == 0600);

    folder.write("from", "other");
    CHECK(host.info(at("to"))->size == 2 * (data.size() + hole));
    CHECK(caught([&] {
              host.copy(at("absent"), at("x"));
              return 0;
          }).kind == ErrorKind::cloud);
    CHECK(caught([&] {
              host.copy(at("from"), at("to"));
              return 0;
          }).kind == ErrorKind::cloud);
}

TEST_CASE_FIXTURE(Fixture, "a link may lead to nothing yet, and whatever is no link has no target")
{
    host.point(at("link"), at("later"));
    CHECK(host.target_of(at("link")) == at("later"));
    CHECK_FALSE(host.target_of(at("absent")));
    folder.write("later", "x");
    CHECK_FALSE(host.target_of(at("later")));
    CHECK(host.read(at("link")) == "x");
}

} // namespace cpi::test
