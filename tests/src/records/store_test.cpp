#include "host/local_host.h"
#include "records/store.h"
#include "src/caught.h"
#include "src/child.h"
#include "support/temp_dir.h"

#include <atomic>
#include <thread>

namespace cpi::test {

namespace {

using namespace std::chrono_literals;

struct Fixture {
    TempDir folder;
    LocalHost host;
    Log log;
    Store store{host, Layout{folder.path()}, log};

    [[nodiscard]] Path vms() const { return store.layout().vms(); }

    /// Sweeps what is left of VMs and returns what was to be forgotten.
    std::string sweep()
    {
        std::string forgotten;
        store.sweep(vms(), "vm-", [&](const std::string& name) { forgotten += name + " "; });
        return forgotten;
    }

    /// A process that makes vm-x up to some point, and stays there.
    [[nodiscard]] std::unique_ptr<Child> maker(const std::function<void(Creation&)>& steps)
    {
        auto child = std::make_unique<Child>([this, steps] {
            Creation creation{store, vms(), "vm-x"};
            folder.write("vms/.new-vm-x/root.qcow2", "x");
            steps(creation);
            folder.write("ready", "");
            std::this_thread::sleep_for(60s);
            return std::string{};
        });
        REQUIRE(wait_until(Deadline{10s}, [this] { return host.info(folder.path() / "ready").has_value(); }));
        std::filesystem::remove(folder.path() / "ready");
        return child;
    }
};

} // namespace

TEST_CASE("each object has its folder, by its cid")
{
    const Layout layout{"/store"};
    CHECK(layout.of(VmCid{"vm-a"}) == "/store/vms/vm-a");
    CHECK(layout.of(DiskCid{"disk-a"}) == "/store/disks/disk-a");
    CHECK(layout.of(StemcellCid{"sc-a"}) == "/store/stemcells/sc-a");
    CHECK(layout.of(NetworkCid{"net-a"}) == "/store/networks/net-a");
    CHECK(layout.in_progress() == "/store/.in-progress");
    CHECK(file_name::image("qcow2") == "image.qcow2");
    CHECK(file_name::base("raw") == "base.raw");
    CHECK(file_name::disk("qcow2") == "disk.qcow2");
}

TEST_CASE_FIXTURE(Fixture, "a store that is not there is never made")
{
    const Path absent = folder.path() / "a b";
    Store missing{host, Layout{absent}, log};
    const auto attempts = {caught([&] {
                               missing.require();
                               return 0;
                           }),
                           caught([&] { return missing.has(VmCid{"vm-a"}); }),
                           caught([&] { return missing.lock(VmCid{"vm-a"}) != nullptr; }), caught([&] {
                               return Creation{missing, absent / "vms", "vm-a"}.staging();
                           })};
    for (const auto& error : attempts) {
        CHECK(error.kind == ErrorKind::cloud);
        check_says(error.what, {concat("store_dir '", absent.native(), "' does not exist"),
                                concat("Try: install -d -m 0711 '", absent.native(), "'")});
    }
    CHECK_FALSE(host.info(absent));
}

TEST_CASE_FIXTURE(Fixture, "a store that is a file is refused")
{
    folder.write("file", "x");
    Store wrong{host, Layout{folder.path() / "file"}, log};
    check_says(caught([&] {
                   wrong.require();
                   return 0;
               }).what,
               {"file", "Not a directory"});
}

TEST_CASE_FIXTURE(Fixture, "a store may be reached through a symbolic link")
{
    std::filesystem::create_directory_symlink(".", folder.path() / "link");
    Store linked{host, Layout{folder.path() / "link"}, log};
    CHECK_NOTHROW(linked.require());
}

TEST_CASE_FIXTURE(Fixture, "an object is there when its folder is")
{
    CHECK_FALSE(store.has(VmCid{"vm-a"}));
    CHECK(store.lock(VmCid{"vm-a"}) == nullptr);
    Creation creation{store, vms(), "vm-a"};
    CHECK_FALSE(store.has(VmCid{"vm-a"}));
    creation.publish();
    creation.finish();
    CHECK(store.has(VmCid{"vm-a"}));
    CHECK_FALSE(store.has(DiskCid{"vm-a"}));
    CHECK(store.lock(VmCid{"vm-a"}) != nullptr);
}

TEST_CASE_FIXTURE(Fixture, "nothing remains of what was begun and not finished")
{
    {
        const Creation creation{store, vms(), "vm-a"};
        folder.write("vms/.new-vm-a/root.qcow2", "x");
        CHECK(creation.staging() == vms() / ".new-vm-a");
        CHECK(creation.place() == vms() / "vm-a");
        CHECK(folder.listing() == ".in-progress\n.in-progress/vm-a\nvms\nvms/.new-vm-a\nvms/.new-vm-a/lock\n"
                                  "vms/.new-vm-a/root.qcow2");
    }
    CHECK(folder.listing() == ".in-progress\nvms");
}

TEST_CASE_FIXTURE(Fixture, "nothing remains of what was put in its place and not finished")
{
    {
        Creation creation{store, vms(), "vm-a"};
        creation.publish();
        CHECK(store.has(VmCid{"vm-a"}));
    }
    CHECK(folder.listing() == ".in-progress\nvms");
}

TEST_CASE_FIXTURE(Fixture, "nothing remains when making it throws")
{
    CHECK(caught([&]() -> int {
              const Creation creation{store, vms(), "vm-a"};
              throw Error{ErrorKind::no_disk_space, "full"};
          }).what == "full");
    CHECK(folder.listing() == ".in-progress\nvms");
}

TEST_CASE_FIXTURE(Fixture,
                  "what could not be taken back keeps its folder and its mark, and a sweep removes it")
{
    for (const bool published : {false, true}) {
        CHECK(in_child([&] {
                  Creation creation{store, vms(), "vm-a"};
                  creation.undo().add("remove VM vm-a", [] { throw Error{ErrorKind::cloud, "no libvirt"}; });
                  if (published)
                      creation.publish();
                  return std::string{};
              }).empty());
        CHECK(host.info(store.layout().in_progress(VmCid{"vm-a"})));
        CHECK(host.info(published ? vms() / "vm-a" : vms() / ".new-vm-a"));
        CHECK(in_child([&] { return sweep(); }) == "vm-a ");
        CHECK(folder.listing() == ".in-progress\nvms");
    }
}

TEST_CASE_FIXTURE(Fixture, "all remains of what was finished")
{
    {
        Creation creation{store, vms(), "vm-a"};
        folder.write("vms/.new-vm-a/root.qcow2", "x");
        creation.publish();
        creation.finish();
    }
    CHECK(folder.listing() == ".in-progress\nvms\nvms/vm-a\nvms/vm-a/lock\nvms/vm-a/root.qcow2");
    CHECK(sweep().empty());
    CHECK(store.has(VmCid{"vm-a"}));
}

TEST_CASE_FIXTURE(Fixture, "what is unfinished is removed even when the call was interrupted")
{
    CHECK(in_child([&] {
              {
                  const Creation creation{store, vms(), "vm-a"};
                  interrupt();
              }
              return folder.listing();
          }) == ".in-progress\nvms");
}

TEST_CASE_FIXTURE(Fixture, "an object that is there already is not replaced")
{
    {
        Creation first{store, vms(), "vm-a"};
        folder.write("vms/.new-vm-a/mine", "x");
        first.publish();
        first.finish();
    }
    CHECK(caught([&] {
              Creation second{store, vms(), "vm-a"};
              second.publish();
              return 0;
          }).kind == ErrorKind::cloud);
}

TEST_CASE_FIXTURE(Fixture, "a sweep removes what a killed call has left, published or not")
{
    for (const bool published : {false, true}) {
        const auto child = maker([published](Creation& creation) {
            if (published)
                creation.publish();
        });
        child->kill();
        CHECK(folder.listing().find("root.qcow2") != std::string::npos);
        CHECK(in_child([&] { return sweep(); }) == "vm-x ");
        CHECK(folder.listing() == ".in-progress\nvms");
    }
}

TEST_CASE_FIXTURE(Fixture, "a sweep leaves alone what a call is still making")
{
    for (const bool published : {false, true}) {
        const auto child = maker([published](Creation& creation) {
            if (published)
                creation.publish();
        });
        const std::string before = folder.listing();
        CHECK(sweep().empty());
        CHECK(folder.listing() == before);
        child->kill();
        static_cast<void>(in_child([&] { return sweep(); }));
    }
}

TEST_CASE_FIXTURE(Fixture, "a sweep forgets before it removes, and keeps all when forgetting fails")
{
    maker([](Creation& creation) { creation.publish(); })->kill();
    static_cast<void>(in_child([&] {
        store.sweep(vms(), "vm-", [](const std::string&) { throw Error{ErrorKind::cloud, "no libvirt"}; });
        return std::string{};
    }));
    CHECK(store.has(VmCid{"vm-x"}));
    CHECK(in_child([&] { return sweep(); }) == "vm-x ");
    CHECK_FALSE(store.has(VmCid{"vm-x"}));
}

TEST_CASE_FIXTURE(Fixture, "a sweep of one kind does not touch another kind's")
{
    maker([](Creation& creation) { creation.publish(); })->kill();
    store.sweep(store.layout().disks(), "disk-",
                [](const std::string&) { FAIL("nothing of disks is left"); });
    CHECK(store.has(VmCid{"vm-x"}));
}

TEST_CASE_FIXTURE(Fixture,
                  "a sweep removes what discards have left, and staging folders that nobody works in")
{
    for (const auto* name : {"vms", "vms/.old-abc-vm-a", "vms/.new-vm-b", "vms/vm-c", "vms/.other"}) {
        host.make_directory(folder.path() / name);
        if (std::string_view{name} != "vms")
            folder.write(concat(name, "/file"), "x");
    }
    CHECK(sweep().empty());
    CHECK(folder.listing() == "vms\nvms/.other\nvms/.other/file\nvms/vm-c\nvms/vm-c/file");
}

TEST_CASE_FIXTURE(Fixture, "a sweep of an empty store is nothing")
{
    CHECK(sweep().empty());
    CHECK(folder.listing().empty());
}

TEST_CASE_FIXTURE(Fixture, "what a sweep cannot remove fails nobody's call and is left to the next one")
{
    std::filesystem::create_directories(vms() / "vm-a");
    std::filesystem::create_directory(store.layout().in_progress());
    folder.write(".in-progress/vm-a", "");
    folder.write(".in-progress/vm-b", "");
    store.sweep(vms(), "vm-", [](const std::string& name) {
        if (name == "vm-a")
            throw Error{ErrorKind::cloud, "libvirt is not there"};
    });
    CHECK(folder.listing() == ".in-progress\n.in-progress/vm-a\nvms\nvms/vm-a");
    CHECK(sweep() == "vm-a ");
    CHECK(folder.listing() == ".in-progress\nvms");
}

TEST_CASE_FIXTURE(Fixture, "an object's lock is waited for, and is nobody's once the object is gone")
{
    {
        Creation creation{store, vms(), "vm-a"};
        creation.publish();
        creation.finish();
    }
    Child deleter{[&] {
        const auto lock = store.lock(VmCid{"vm-a"});
        folder.write("ready", "");
        std::this_thread::sleep_for(150ms);
        host.discard(store.layout().of(VmCid{"vm-a"}));
        return std::string{};
    }};
    REQUIRE(wait_until(Deadline{10s}, [&] { return host.info(folder.path() / "ready").has_value(); }));
    CHECK(store.lock(VmCid{"vm-a"}) == nullptr);
    CHECK(deleter.result().empty());
}

TEST_CASE_FIXTURE(Fixture, "an image in a pool is made behind a link, and goes with its object")
{
    const Path pool = folder.path() / "pool";
    std::filesystem::create_directory(pool);
    folder.write("pool/precious", "not ours");
    {
        Creation creation{store, vms(), "vm-x"};
        const Path image = store.place_image(creation.staging(), "vm-x", "root.raw", pool);
        CHECK(image == pool / "vm-x-root.raw");
        CHECK(store.place_image(creation.staging(), "vm-x", "other.raw", {}) ==
              creation.staging() / "other.raw");
        folder.write("pool/vm-x-root.raw", "data");
        creation.publish();
        creation.finish();
    }
    CHECK(read_file(vms() / "vm-x/root.raw") == "data");
    host.point(vms() / "vm-x/strange", pool / "precious");
    store.discard(VmCid{"vm-x"});
    CHECK_FALSE(host.info(vms() / "vm-x"));
    CHECK(host.list(pool) == std::vector<std::string>{"precious"});
}

TEST_CASE_FIXTURE(Fixture,
                  "an image in a pool goes with an object that is not finished, or whose maker was killed")
{
    const Path pool = folder.path() / "pool";
    std::filesystem::create_directory(pool);
    const auto begin = [&](Creation& creation) {
        host.create(store.place_image(creation.staging(), "vm-x", "root.raw", pool), Access::owner)->finish();
    };
    {
        Creation creation{store, vms(), "vm-x"};
        begin(creation);
        CHECK(host.list(pool).size() == 1);
    }
    CHECK(host.list(pool).empty());
    maker(begin)->kill();
    CHECK(host.list(pool).size() == 1);
    store.sweep(vms(), "vm-", [](const std::string&) {});
    CHECK(host.list(pool).empty());
    CHECK(host.list(vms()).empty());
}

TEST_CASE_FIXTURE(Fixture, "the lock of a kind is one call's at a time, also the first time")
{
    auto first = store.lock_kind(store.layout().networks());
    REQUIRE(first);
    CHECK_FALSE(host.try_lock(store.layout().networks() / file_name::lock));
    std::atomic<bool> entered = false;
    std::thread second{[&] {
        LocalHost own_host;
        Store own_store{own_host, Layout{folder.path()}, log};
        const auto lock = own_store.lock_kind(own_store.layout().networks());
        entered = lock != nullptr;
    }};
    std::this_thread::sleep_for(100ms);
    CHECK_FALSE(entered);
    first.reset();
    second.join();
    CHECK(entered);
}

TEST_CASE_FIXTURE(Fixture, "a file of an object is found where the object is, and where it is being built")
{
    const VmCid vm{"vm-a"};
    CHECK_FALSE(store.read(vm, file_name::reservations));
    Creation creation{store, vms(), vm.str()};
    host.publish(creation.staging() / file_name::reservations, "x", Access::owner);
    CHECK(store.read(vm, file_name::reservations) == "x");
    creation.publish();
    CHECK(store.read(vm, file_name::reservations) == "x");
}

TEST_CASE_FIXTURE(Fixture, "an object is in progress while another call makes it")
{
    const VmCid vm{"vm-x"};
    CHECK_FALSE(store.is_in_progress(vm));
    {
        const auto child = maker([](Creation&) {});
        CHECK(store.is_in_progress(vm));
    }
    CHECK_FALSE(store.is_in_progress(vm)); // the child was killed, its mark is still there
    CHECK(host.info(store.layout().in_progress(vm)));
}

} // namespace cpi::test
