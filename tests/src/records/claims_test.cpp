#include "host/local_host.h"
#include "records/claims.h"
#include "src/caught.h"
#include "src/child.h"
#include "support/temp_dir.h"

#include <set>
#include <thread>

namespace cpi::test {

namespace {

struct Fixture {
    TempDir folder;
    LocalHost host;
    Log log;
    Store store{host, Layout{folder.path()}, log};
    std::set<std::string> existing; // VMs in libvirt
    std::function<void()> sweep = [] {};

    [[nodiscard]] AddressHolders holders() const
    {
        return {[this](const VmCid& vm) { return existing.contains(vm.str()); }, sweep,
                std::chrono::milliseconds{500}};
    }
    Caught claim(const std::string& vm, const std::vector<AddressClaim>& claims)
    {
        return caught([&] {
            claim_addresses(store, VmCid{vm}, claims, holders());
            return 0;
        });
    }
};

const AddressClaim one{"network 'default'", "10.0.0.1"};
const AddressClaim two{"network 'default'", "10.0.0.2"};

} // namespace

TEST_CASE_FIXTURE(Fixture, "an address of a VM that exists is refused to others, who learn whose it is")
{
    CHECK_FALSE(claim("vm-a", {one}).kind);
    existing.insert("vm-a");
    const Caught error = claim("vm-b", {two, one});
    CHECK(error.kind == ErrorKind::cloud);
    check_says(error.what, {"10.0.0.1", "network 'default'", "vm-a", "Try: "});
    CHECK_FALSE(claim("vm-c", {two}).kind); // the refused call has claimed nothing
    CHECK_FALSE(claim("vm-a", {one}).kind);
}

TEST_CASE_FIXTURE(Fixture, "an address of a VM that is gone is free")
{
    CHECK_FALSE(claim("vm-a", {one}).kind);
    CHECK_FALSE(claim("vm-b", {one}).kind);
    existing.insert("vm-b");
    check_says(claim("vm-c", {one}).what, {"vm-b"});
}

TEST_CASE_FIXTURE(Fixture, "an address of a VM that is just being made is not free")
{
    {
        const Child maker{[this] {
            const Creation creation{store, store.layout().vms(), "vm-a"};
            claim("vm-a", {one});
            folder.write("ready", "");
            std::this_thread::sleep_for(std::chrono::seconds{60});
            return std::string{};
        }};
        REQUIRE(wait_until(Deadline{std::chrono::seconds{10}},
                           [this] { return host.info(folder.path() / "ready").has_value(); }));
        const Caught error = claim("vm-b", {one});
        check_says(error.what, {"vm-a", "Try: again"});
        CHECK(error.ok_to_retry);
    }
    CHECK_FALSE(claim("vm-b", {one}).kind); // that call was killed
}

TEST_CASE_FIXTURE(Fixture, "the end of a VM that another call removes is waited for")
{
    // As a killed call has left it, and as a sweep holds it.
    host.make_directory(store.layout().in_progress());
    folder.write(".in-progress/vm-a", "");
    CHECK_FALSE(claim("vm-a", {one}).kind);
    existing.insert("vm-a");
    int sweeps = 0;
    sweep = [&] {
        if (++sweeps < 3)
            return;
        existing.erase("vm-a");
        std::filesystem::remove(folder.path() / ".in-progress/vm-a");
    };
    CHECK_FALSE(claim("vm-b", {one}).kind);
    CHECK(sweeps == 3);
}

TEST_CASE_FIXTURE(Fixture, "a VM gives back what it has of its addresses, and no more")
{
    CHECK_FALSE(claim("vm-a", {one, two}).kind);
    CHECK_FALSE(claim("vm-b", {two}).kind); // vm-a is gone
    const auto file = [&](const AddressClaim& claim) { return store.layout().of(claim).filename().native(); };
    release_addresses(store, VmCid{"vm-a"}, {file(one), file(two), "absent"});
    CHECK_FALSE(host.info(store.layout().of(one)));
    CHECK(host.read(store.layout().of(two)) == "vm-b");
}

TEST_CASE_FIXTURE(Fixture, "claims of VMs that are gone are swept, those of others are not")
{
    sweep_addresses(store, holders());
    for (int i = 0; i < 200; ++i)
        CHECK_FALSE(claim(concat("vm-", i), {{"network 'x'", concat(i)}}).kind);
    existing = {"vm-7"};
    std::filesystem::create_directories(store.layout().of(VmCid{"vm-8"}));
    host.make_directory(store.layout().in_progress());
    const auto making = host.create_locked(store.layout().in_progress(VmCid{"vm-9"}));
    const auto left = [&] { return host.list(store.layout().addresses()).size(); };
    constexpr std::size_t stay = 3 + 1; // and the lock
    CHECK(wait_until(Deadline{std::chrono::seconds{60}}, [&] {
        const std::size_t before = left();
        sweep_addresses(store, holders());
        CHECK(before - left() <= 64);
        return left() == stay;
    }));
}

TEST_CASE_FIXTURE(Fixture, "the same address elsewhere is another address")
{
    existing = {"vm-a", "vm-b"};
    CHECK_FALSE(claim("vm-a", {one}).kind);
    CHECK_FALSE(claim("vm-b", {{"bridge 'default'", one.address}, {"network 'x'", one.address}}).kind);
}

TEST_CASE_FIXTURE(Fixture, "a VM without addresses leaves no folder")
{
    CHECK_FALSE(claim("vm-a", {}).kind);
    CHECK_FALSE(host.info(store.layout().addresses()));
}

TEST_CASE_FIXTURE(Fixture, "of calls at once that want the same address one gets it")
{
    constexpr int callers = 8;
    std::vector<std::unique_ptr<Child>> children;
    for (int i = 0; i < callers; ++i)
        children.push_back(std::make_unique<Child>([this, i] {
            const std::string vm = concat("vm-", i);
            const Creation creation{store, store.layout().vms(), vm};
            const Caught error = claim(vm, {two, one});
            folder.write(concat(error.kind ? "lost-" : "won-", i), error.what);
            std::this_thread::sleep_for(std::chrono::seconds{60});
            return std::string{};
        }));
    const auto count = [this](std::string_view prefix) {
        const auto names = host.list(folder.path());
        return std::ranges::count_if(names, [&](const auto& name) { return name.starts_with(prefix); });
    };
    REQUIRE(wait_until(Deadline{std::chrono::seconds{20}},
                       [&] { return count("won-") + count("lost-") == callers; }));
    CHECK(count("won-") == 1);
    CHECK(count(".new-") == 0);
}

TEST_CASE_FIXTURE(Fixture, "a sweep of claims fails nobody's call, and what it cannot look at stays")
{
    CHECK_FALSE(claim("vm-a", {one}).kind);
    CHECK_FALSE(claim("vm-b", {two}).kind);
    host.publish(store.layout().addresses() / "damaged", "../..", Access::owner);
    AddressHolders unknown = holders();
    unknown.exist = [](const VmCid&) -> bool { throw Error{ErrorKind::cloud, "libvirt is not there"}; };
    CHECK_FALSE(caught([&] {
                    sweep_addresses(store, unknown);
                    return 0;
                }).kind);
    CHECK(host.info(store.layout().of(one)));
    sweep_addresses(store, holders());
    CHECK_FALSE(host.info(store.layout().of(one)));
    CHECK_FALSE(host.info(store.layout().of(two)));
    CHECK(host.info(store.layout().addresses() / "damaged"));
}

TEST_CASE("each claim has a file of its own within the folder, whatever the network is called")
{
    const Layout layout{"/store"};
    CHECK(layout.of(one) == "/store/addresses/network+%27default%27+10.0.0.1");
    std::set<Path> files;
    const std::vector<std::string> names{"a",
                                         "a b",
                                         "a+b",
                                         "a%2bb",
                                         "../..",
                                         "a/b",
                                         "ä",
                                         "..",
                                         std::string(300, 'x'),
                                         std::string(301, 'x'),
                                         "a\nb",
                                         ""};
    for (const auto& name : names) {
        const Path file = layout.of(AddressClaim{name, "fd00::1"});
        CAPTURE(file.native());
        CHECK(file.parent_path() == "/store/addresses");
        CHECK(file.filename().native().size() <= 255 - 5); // it is written aside first
        CHECK(file.filename() != file_name::lock);
        CHECK(file.filename().native().front() != '.');
        files.insert(file);
    }
    CHECK(files.size() == names.size());
}

} // namespace cpi::test
