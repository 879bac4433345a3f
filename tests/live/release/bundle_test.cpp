// What is in the tarball, and that the bundle needs nothing of the machine.

#include "base/text.h"
#include "conformance/lab.h"
#include "live/release/installed.h"
#include "src/caught.h"
#include "support/release.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <set>

namespace cpi::test {

namespace {

/// The release, unpacked once.
const Folder& release()
{
    static const TempDir folder;
    static const Folder unpacked = [] {
        unpack_release(release_tarball(), folder.path());
        return folder.path();
    }();
    return unpacked;
}

Folder bundle()
{
    return release() / "package/libvirt_cpi";
}

std::string digest(const std::filesystem::path& file)
{
    const std::string line = run({"sha256sum", file});
    return line.substr(0, line.find(' '));
}

/// By the script alone, whether there is a bosh CLI or not.
void make_release(const std::vector<std::string>& words)
{
    std::vector<std::string> argv{SOURCE_DIR "/scripts/release"};
    argv.insert(argv.end(), words.begin(), words.end());
    auto environment = lab_environment();
    environment.emplace("BOSH_CLI", "none");
    run(argv, {}, environment);
}

/// A configuration that leads to the lab's other host.
std::string far_config()
{
    const Lab lab{SOURCE_DIR "/tests/lab/hypervisors/remote-user"};
    return concat(R"({"store_dir":"/var/tmp","agent":{"mbus":"nats://10.254.50.4:4222"},)",
                  lab.members("config"), "}");
}

/// In a root of its own: SSH and libvirt there are reached.
void check_asks(const Folder& root, const std::string& program, const std::string& config)
{
    const std::string has_vm =
        request("has_vm", R"(["vm-absent"])", R"("director_uuid":"d")", R"("api_version":2)");
    const Ran ran = run_program({"chroot", root, program, "--config", config}, has_vm);
    CHECK(Reply{ran}.require_ok().result_text() == "false");
    CHECK(ran.err.empty());
}

} // namespace

TEST_CASE("the tarball is one of BOSH's")
{
    const json::Document document = yaml(read_file(release() / "release.MF"));
    const json::Place root = json::root(document);
    CHECK(root.at("name").string() == "bosh-libvirt-cpi");
    CHECK(release_tarball().filename() == concat("bosh-libvirt-cpi-", root.at("version").string(), ".tgz"));
    CHECK_FALSE(root.at("commit_hash").string().empty());
    for (const char* kind : {"jobs", "packages"}) {
        const json::Place one = root.at(kind).items().at(0);
        CHECK(one.at("name").string() == "libvirt_cpi");
        CHECK(one.at("fingerprint").string().size() == 64);
        CHECK(one.at("version").string() == one.at("fingerprint").string());
        CHECK(one.at("sha1").string() == concat("sha256:", digest(release() / kind / "libvirt_cpi.tgz")));
    }
    CHECK(root.at("jobs").items().at(0).at("packages").verbatim().text == R"(["libvirt_cpi"])");
    CHECK(
        run({"tar", "-tzf", release_tarball()}) ==
        "release.MF\njobs/\njobs/libvirt_cpi.tgz\npackages/\npackages/libvirt_cpi.tgz\nlicense.tgz\nLICENSE\n"
        "NOTICE\n");
    CHECK(std::filesystem::file_size(release() / "packages/libvirt_cpi.tgz") < 60'000'000);
    for (const char* file : {"job.MF", "monit", "templates/cpi.erb", "templates/cpi.json.erb"})
        CHECK(std::filesystem::exists(release() / "job" / file));
}

TEST_CASE("the licence is in the tarball, where BOSH has it, and in the bundle")
{
    const json::Document document = yaml(read_file(release() / "release.MF"));
    const json::Place license = json::root(document).at("license");
    CHECK(license.at("sha1").string() == concat("sha256:", digest(release() / "license.tgz")));
    // As the bosh CLI does it: the names and digests of the files, without their modes.
    const TempDir folder;
    const std::string parts = folder.write("parts", concat("v2LICENSEsha256:", digest(SOURCE_DIR "/LICENSE"),
                                                           "NOTICEsha256:", digest(SOURCE_DIR "/NOTICE")));
    CHECK(license.at("fingerprint").string() == digest(parts));
    CHECK(license.at("version").string() == digest(parts));
    CHECK(run({"tar", "-tzf", release() / "license.tgz"}) == "./\n./LICENSE\n./NOTICE\n");
    for (const char* name : {"LICENSE", "NOTICE"})
        for (const Folder& place : {release(), bundle() / "share"})
            CHECK(digest(place / name) == digest(concat(SOURCE_DIR "/", name)));
    check_says(read_file(SOURCE_DIR "/LICENSE"), {"Apache License", "Version 2.0, January 2004"});
}

TEST_CASE("made again, it is the same bytes, and nothing in it knows where it was made")
{
    const std::string before = digest(release_tarball());
    const json::Document document = yaml(read_file(release() / "release.MF"));
    make_release({json::root(document).at("version").string()});
    CHECK(digest(release_tarball()) == before);
    CHECK(run_program({"grep", "-rlF", SOURCE_DIR, release() / "package", release() / "job"}).out.empty());
}

TEST_CASE("the bill of materials names each file and each package with its licence")
{
    const json::Document document = json::parse(read_file(bundle() / "share/sbom.spdx.json"), "the SBOM");
    const json::Place root = json::root(document);
    CHECK(root.at("spdxVersion").string() == "SPDX-2.3");
    std::set<std::string> packages;
    for (const json::Place& one : root.at("packages").items()) {
        packages.insert(one.at("SPDXID").string());
        CHECK_FALSE(one.at("versionInfo").string().empty());
        CHECK_FALSE(one.at("licenseDeclared").string().empty());
    }
    CHECK(packages.size() > 40);
    CHECK(root.at("packages").items().at(0).at("name").string() == "libvirt_cpi");
    CHECK(root.at("packages").items().at(0).at("licenseDeclared").string() == "Apache-2.0");
    std::set<std::string> of_a_package;
    for (const json::Place& one : root.at("relationships").items())
        if (one.at("relationshipType").string() == "CONTAINS" &&
            packages.contains(one.at("spdxElementId").string()))
            of_a_package.insert(one.at("relatedSpdxElement").string());
    std::set<std::string> listed;
    for (const json::Place& one : root.at("files").items()) {
        const std::string name = one.at("fileName").string();
        CAPTURE(name);
        listed.insert(name);
        CHECK(one.at("checksums").items().at(1).at("checksumValue").string() == digest(bundle() / name));
        CHECK((name.starts_with("./share/") || of_a_package.contains(one.at("SPDXID").string())));
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator{bundle()}) {
        const std::string name = concat("./", std::filesystem::relative(entry.path(), bundle()).native());
        CAPTURE(name);
        CHECK((entry.is_directory() || name == "./share/sbom.spdx.json" || listed.contains(name)));
    }
}

TEST_CASE("the bundle works in a root that has nothing else")
{
    const TempDir folder;
    const Folder root = folder.path() / "root";
    run({"cp", "-a", bundle(), root});
    std::filesystem::create_directory(root / "tmp");
    const std::string config = folder.write("root/cpi.json", far_config());
    check_asks(root, "/bin/libvirt_cpi", "/cpi.json");
    CHECK(run({"chroot", root, "/bin/libvirt_cpi", "--version"}).starts_with("libvirt_cpi 0.0.0"));
}

TEST_CASE("the bundle says which part of it is missing")
{
    const TempDir folder;
    std::filesystem::create_directory(folder.path() / "bin");
    const Folder alone = folder.path() / "bin/libvirt_cpi";
    std::filesystem::copy(bundle() / "bin/libvirt_cpi", alone);
    const Ran ran = run_program({alone, "--version"});
    CHECK(ran.status == 127);
    check_says(ran.err,
               {(folder.path() / "lib/ld.so").native(), "No such file or directory", "belong together"});
}

TEST_CASE("the package is installed without a compiler, and works, on an older and a newer Debian")
{
    for (const char* suite : {"bullseye", "trixie"}) {
        CAPTURE(suite);
        const TempDir folder;
        const Folder root = folder.path() / "root";
        run({"cp", "-a", trim(run({SOURCE_DIR "/tests/lab/distribution", suite}, {}, lab_environment())),
             root});
        run({"cp", "-a", release() / "package", root / "package"});
        std::filesystem::create_directories(root / "odd place/packages/libvirt_cpi");
        const auto start = std::chrono::steady_clock::now();
        const Ran ran =
            compile_package({"chroot", root}, "/package", {"/odd place/packages", "/odd place/jobs"});
        CHECK_MESSAGE(ran.status == 0, ran.err);
        CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{5});
        static_cast<void>(folder.write("root/cpi.json", far_config()));
        check_asks(root, "/odd place/packages/libvirt_cpi/bin/libvirt_cpi", "/cpi.json");
    }
}

TEST_CASE("a bundle for another processor is refused with the way out")
{
    const TempDir folder;
    const Folder package = folder.path() / "package";
    run({"cp", "-a", release() / "package", package});
    static_cast<void>(folder.write("package/libvirt_cpi/share/platform", "Linux s390x\n"));
    std::filesystem::create_directories(folder.path() / "packages/libvirt_cpi");
    const Ran ran = compile_package({}, package, {folder.path() / "packages", folder.path() / "jobs"});
    CHECK(ran.status != 0);
    check_says(ran.err, {"is for Linux s390x", "from source"});
}

TEST_CASE("a release from source compiles where it is installed" * doctest::test_suite("night"))
{
    const TempDir folder;
    make_release({"--source", "0.0.1+source"});
    unpack_release(SOURCE_DIR "/build/bosh-libvirt-cpi-0.0.1+source.tgz", folder.path());
    const Places places{folder.path() / "installed", folder.path() / "jobs"};
    std::filesystem::create_directories(places.packages / "libvirt_cpi");
    const Ran ran = compile_package({}, folder.path() / "package", places);
    REQUIRE_MESSAGE(ran.status == 0, ran.err);
    CHECK(run({places.packages / "libvirt_cpi/bin/libvirt_cpi", "--version"}) ==
          "libvirt_cpi 0.0.1+source\n");
}

} // namespace cpi::test
