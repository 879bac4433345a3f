#include "base/ids.h"
#include "src/caught.h"

#include <set>

namespace cpi::test {

using namespace std::string_literals;

TEST_CASE("a cid is made of letters, digits and a few signs")
{
    for (const std::string text : {"vm-abc", "a", "9", "A.b_c-d", "_x", "a..b"}) {
        CAPTURE(text);
        CHECK(VmCid{text}.str() == text);
    }
    CHECK(VmCid{std::string(100, 'a')}.str().size() == 100);
}

TEST_CASE("a cid cannot leave its folder nor be taken for an option")
{
    for (const std::string& text :
         {""s, "."s, ".."s, "../vm-a"s, "vm-a/../../etc"s, "/etc"s, ".hidden"s, "-c"s, "vm-a b"s, "vm-a\n"s,
          "vm-\0a"s, "vm-a\0"s, "vm-\xc3\xa4"s, "vm-\xff"s, "vm-$(id)"s, "vm-'a'"s, "vm\\a"s, "vm:a"s,
          std::string(101, 'a')}) {
        CAPTURE(text);
        CHECK(caught([&] { return VmCid{text}; }).kind == ErrorKind::invalid_call);
        CHECK(caught([&] { return DiskCid{text}; }).kind == ErrorKind::invalid_call);
    }
}

TEST_CASE("the error of a bad cid says which kind was expected and what came")
{
    CHECK(caught([] { return DiskCid{"../x"}; }).what ==
          "expected a disk cid of letters, digits and '-', got '../x'");
    check_says(caught([] { return StemcellCid{"a b"}; }).what, {"stemcell cid", "'a b'"});
    check_says(caught([] { return SnapshotCid{"a\xff"}; }).what, {"snapshot cid", "'a\xef\xbf\xbd'"});
}

TEST_CASE("the error of a very long cid is short")
{
    CHECK(caught([] { return VmCid{std::string(100'000, 'x')}; }).what.size() < 200);
}

TEST_CASE("a cid is ours when it begins as the CPI's do")
{
    CHECK(VmCid{"vm-abc"}.is_ours());
    CHECK_FALSE(VmCid{"my-vm-abc"}.is_ours());
    CHECK_FALSE(VmCid{"VM-abc"}.is_ours());
    CHECK_FALSE(VmCid{"disk-abc"}.is_ours());
    CHECK(DiskCid{"disk-abc"}.is_ours());
    CHECK(StemcellCid{"sc-abc"}.is_ours());
    CHECK(SnapshotCid{"snap-abc"}.is_ours());
}

TEST_CASE("cids compare by their text")
{
    CHECK(VmCid{"vm-a"} == VmCid{"vm-a"});
    CHECK(VmCid{"vm-a"} != VmCid{"vm-b"});
    CHECK(VmCid{"vm-a"} < VmCid{"vm-b"});
}

TEST_CASE("a random name has the asked length, plain characters, and is not seen again")
{
    std::set<std::string> seen;
    std::set<char> characters;
    for (int i = 0; i < 1000; ++i) {
        const std::string name = random_name(15);
        CHECK(name.size() == 15);
        CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567") == std::string::npos);
        seen.insert(name);
        characters.insert(name.begin(), name.end());
    }
    CHECK(seen.size() == 1000);
    CHECK(characters.size() == 32);
    CHECK(random_name(0).empty());
}

TEST_CASE("a random UUID is of version 4 and no other's")
{
    std::set<std::string> seen;
    for (int i = 0; i < 500; ++i) {
        const std::string uuid = random_uuid();
        REQUIRE(uuid.size() == 36);
        CHECK(uuid.find_first_not_of("0123456789abcdef-") == std::string::npos);
        CHECK(uuid[14] == '4');
        CHECK(std::string_view{"89ab"}.find(uuid[19]) != std::string_view::npos);
        seen.insert(uuid);
    }
    CHECK(seen.size() == 500);
}

TEST_CASE("a stable UUID is of that form too, and another one for each seed")
{
    CHECK(stable_uuid("vm-1") == stable_uuid("vm-1"));
    std::set<std::string> seen;
    std::set<std::string> starts;
    for (int i = 0; i < 1000; ++i) {
        const std::string uuid = stable_uuid(concat("disk-", i));
        REQUIRE(uuid.size() == 36);
        CHECK(uuid.find_first_not_of("0123456789abcdef-") == std::string::npos);
        CHECK(uuid[14] == '4');
        CHECK(std::string_view{"89ab"}.find(uuid[19]) != std::string_view::npos);
        seen.insert(uuid);
        starts.insert(uuid.substr(0, 8));
    }
    CHECK(seen.size() == 1000);
    CHECK(starts.size() == 1000);
}

} // namespace cpi::test
