#include "base/error.h"
#include "base/units.h"
#include "src/caught.h"

#include <cerrno>
#include <new>
#include <stdexcept>

namespace cpi::test {

TEST_CASE("an error says what was being done and what went wrong")
{
    Error error{ErrorKind::vm_creation_failed, "no memory", Retry::yes};
    error.add_context("starting VM vm-a");
    CHECK(std::string{error.what()} == "starting VM vm-a: no memory");
    CHECK(error.kind() == ErrorKind::vm_creation_failed);
    CHECK(error.ok_to_retry());
    CHECK_FALSE(Error{ErrorKind::cloud, "x"}.ok_to_retry());
}

TEST_CASE("a full disk or quota is no_disk_space, any other failed system call a cloud error")
{
    CHECK(system_error("writing /a", ENOSPC).kind() == ErrorKind::no_disk_space);
    CHECK(system_error("writing /a", EDQUOT).kind() == ErrorKind::no_disk_space);
    CHECK(system_error("writing /a", EACCES).kind() == ErrorKind::cloud);
    CHECK(std::string{system_error("writing /a", EACCES).what()} == "writing /a: Permission denied");
}

TEST_CASE("a file that may not become so large is no_disk_space, whoever says so, with what to try")
{
    const Error own = system_error("writing /a", EFBIG);
    CHECK(own.kind() == ErrorKind::no_disk_space);
    check_says(own.what(), {"writing /a: File too large. Try: a smaller disk, or let the CPI's user write"});
    for (const auto* words :
         {"qemu-img: /a: The image size is too large for file format 'raw'",
          "qemu-img: /a: The requested file size is too large", "File size limit exceeded (core dumped)"})
        CHECK(programs_error("making /a", words).kind() == ErrorKind::no_disk_space);
    const Error other = programs_error("making /a", "no idea");
    CHECK(other.kind() == ErrorKind::cloud);
    CHECK(other.message() == "making /a: no idea");
}

TEST_CASE("while_doing passes a result on and names the step in whatever is thrown")
{
    CHECK(while_doing("adding", [] { return 3; }) == 3);
    const Caught typed = caught([] {
        return while_doing("deleting", []() -> int { throw Error{ErrorKind::disk_not_found, "gone"}; });
    });
    CHECK(typed.kind == ErrorKind::disk_not_found);
    CHECK(typed.what == "deleting: gone");
    const Caught other =
        caught([] { return while_doing("adding", []() -> int { throw std::runtime_error{"odd"}; }); });
    CHECK(other.kind == ErrorKind::cloud);
    CHECK(other.what == "adding: odd");
    CHECK_THROWS_AS(while_doing("adding", [] { throw std::bad_alloc{}; }), std::bad_alloc);
}

TEST_CASE("mebibytes know their bytes and round up")
{
    static_assert(Mebibytes{1}.bytes() == 1048576);
    static_assert(Mebibytes{std::uint64_t{1} << 30U}.bytes() == std::uint64_t{1} << 50U);
    CHECK(Mebibytes::rounded_up(0) == Mebibytes{0});
    CHECK(Mebibytes::rounded_up(1) == Mebibytes{1});
    CHECK(Mebibytes::rounded_up(1048576) == Mebibytes{1});
    CHECK(Mebibytes::rounded_up(1048577) == Mebibytes{2});
    CHECK(Mebibytes::rounded_up(~std::uint64_t{0}) == Mebibytes{std::uint64_t{1} << 44U});
    CHECK(Mebibytes{1} < Mebibytes{2});
}

} // namespace cpi::test
