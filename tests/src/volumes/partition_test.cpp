#include "host/local_host.h"
#include "src/caught.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"
#include "volumes/file_system.h"
#include "volumes/partition.h"

namespace cpi::test {

namespace {

struct Fixture {
    TempDir folder;
    LocalHost host;
    Path file_system = folder.path() / "fs with 'odd' name";
    Path disk = folder.path() / "disk";

    [[nodiscard]] std::string fsck(const Path& image)
    {
        return std::to_string(run_program({"e2fsck", "-fn", image.native()}).status);
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "a file system goes into a partition and comes out of it as it was")
{
    file_system::make(host, file_system, {16});
    partition::put_in(host, file_system, disk, {16});
    CHECK(std::filesystem::file_size(disk) == std::uintmax_t{18} << 20U);
    const Path back = folder.path() / "back";
    partition::take_out(host, disk, back);
    CHECK(run_program({"cmp", file_system.native(), back.native()}).status == 0);
    CHECK(fsck(back) == "0");
}

TEST_CASE_FIXTURE(Fixture, "a disk without one single partition is not taken apart")
{
    folder.write("table", "label: gpt\nsize=1MiB\nsize=1MiB\n");
    static_cast<void>(run_program({"truncate", "-s", "8M", disk.native()}));
    CHECK(caught([&] {
              partition::take_out(host, disk, file_system);
              return 0;
          }).kind == ErrorKind::cloud);
    static_cast<void>(
        run_program({"sfdisk", "--quiet", disk.native()}, "label: gpt\nsize=1MiB\nsize=1MiB\n"));
    const Caught two = caught([&] {
        partition::take_out(host, disk, file_system);
        return 0;
    });
    CHECK(two.kind == ErrorKind::not_supported);
    check_says(two.what, {"2 partitions"});
    CHECK_FALSE(std::filesystem::exists(file_system));
}

TEST_CASE_FIXTURE(Fixture, "a file system grows with its image, and a damaged one is left alone")
{
    file_system::make(host, file_system, {16}, 100'000);
    file_system::grow(host, file_system, {24});
    CHECK(std::filesystem::file_size(file_system) == std::uintmax_t{24} << 20U);
    CHECK(fsck(file_system) == "0");
    CHECK(run_program({"dumpe2fs", "-h", file_system.native()}).out.find("Block count:              24576") !=
          std::string::npos);

    host.publish(disk, std::string(1U << 20U, '\xA5'), Access::owner);
    const Caught damaged = caught([&] {
        file_system::grow(host, disk, {24});
        return 0;
    });
    check_says(damaged.what, {"is damaged", "e2fsck"});
    CHECK(std::filesystem::file_size(disk) == std::uintmax_t{1} << 20U);
}

} // namespace cpi::test
