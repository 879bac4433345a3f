#include "base/error.h"
#include "base/handle.h"
#include "base/pinned.h"
#include "base/text.h"
#include "volumes/iso.h"

#include <archive.h>
#include <archive_entry.h>
#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <optional>

namespace cpi {

namespace {

using ReaderPtr = std::unique_ptr<archive, FreedBy<archive_read_free>>;

struct Found {
    mode_t mode = 0;
    std::int64_t owner = 0;
    std::string contents;
};

/// What is in the image, by the Rock Ridge names; directories have no contents.
std::map<std::string, Found> entries_of(const std::string& image)
{
    std::map<std::string, Found> entries;
    const ReaderPtr reader{archive_read_new()};
    REQUIRE(archive_read_support_format_iso9660(reader.get()) == ARCHIVE_OK);
    REQUIRE(archive_read_set_format_option(reader.get(), "iso9660", "joliet", nullptr) == ARCHIVE_OK);
    REQUIRE(archive_read_open_memory(reader.get(), image.data(), image.size()) == ARCHIVE_OK);
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
        Found found{archive_entry_perm(entry), archive_entry_uid(entry), ""};
        if (archive_entry_filetype(entry) == AE_IFREG) {
            found.contents.resize(static_cast<std::size_t>(archive_entry_size(entry)));
            CHECK(archive_read_data(reader.get(), found.contents.data(), found.contents.size()) ==
                  static_cast<la_ssize_t>(found.contents.size()));
        }
        entries[archive_entry_pathname(entry)] = found;
    }
    return entries;
}

/// Sets an environment variable as long as it lives.
class Variable : private Pinned {
public:
    Variable(const char* name, const char* value) : name_{name}
    {
        if (const char* const old = std::getenv(name))
            old_ = old;
        ::setenv(name, value, 1);
        ::tzset();
    }
    ~Variable()
    {
        if (old_)
            ::setenv(name_, old_->c_str(), 1);
        else
            ::unsetenv(name_);
        ::tzset();
    }

private:
    const char* name_;
    std::optional<std::string> old_;
};

std::vector<IsoFile> config_drive()
{
    return {{"ec2/latest/meta-data.json", "{\"instance-id\":\"vm-1\"}"},
            {"ec2/latest/user-data", "{\"mbus\":\"x\"}"}};
}

std::vector<IsoFile> many_files()
{
    std::vector<IsoFile> files;
    for (int i = 0; i < 100; ++i)
        files.push_back({concat("folder/A-File-With-A-Longer-Name-", i, ".json"), std::string(5000, 'x')});
    return files;
}

} // namespace

TEST_CASE("an ISO image has exactly these names, in their own case")
{
    const auto entries = entries_of(iso_image("config-2", config_drive()));
    std::vector<std::string> names;
    for (const auto& [name, found] : entries)
        names.push_back(name);
    CHECK(names == std::vector<std::string>{".", "ec2", "ec2/latest", "ec2/latest/meta-data.json",
                                            "ec2/latest/user-data"});
}

TEST_CASE("an ISO image gives back what was put in")
{
    std::string bytes(70'001, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(i * 31 % 256);
    const auto entries = entries_of(iso_image("ENV", {{"env", bytes}, {"empty", ""}}));
    CHECK((entries.at("env").contents == bytes));
    CHECK(entries.at("empty").contents.empty());
}

TEST_CASE("only root reads the files of an ISO image, and nobody writes")
{
    for (const auto& file : entries_of(iso_image("config-2", config_drive()))) {
        CAPTURE(file.first);
        CHECK(file.second.owner == 0);
        CHECK(file.second.mode == (file.first.starts_with("ec2/latest/") ? 0400 : 0555));
    }
}

TEST_CASE("an ISO image's label keeps its case, for the guest looks for it by name")
{
    const auto primary_label = [](std::string_view label) {
        return iso_image(label, config_drive()).substr(16 * 2048 + 40, 32);
    };
    CHECK(primary_label("config-2") == "config-2" + std::string(24, ' '));
    CHECK(primary_label("ENV") == "ENV" + std::string(29, ' '));
    CHECK(primary_label("sixteen-letters!") == "sixteen-letters!" + std::string(16, ' '));
}

TEST_CASE("an ISO image's label in the Joliet descriptor is the same")
{
    const std::string image = iso_image("config-2", config_drive());
    CHECK(image.substr(17 * 2048 + 40, 16) == std::string("\0c\0o\0n\0f\0i\0g\0-\0002", 16));
}

TEST_CASE("a label that does not fit is refused")
{
    for (const auto* label : {"", "seventeen-letters", "two words", "\xc3\xa4"})
        CHECK_THROWS_WITH_AS(static_cast<void>(iso_image(label, config_drive())),
                             doctest::Contains("not a volume label"), Error);
}

TEST_CASE("the same input gives the same image at any time and in any time zone")
{
    for (const auto& files : {config_drive(), many_files()}) {
        std::vector<std::string> images;
        for (const auto* zone : {"UTC", "Asia/Kathmandu", "XYZ+11:13:17"}) {
            const Variable time_zone{"TZ", zone};
            images.push_back(iso_image("config-2", files));
        }
        CHECK((images[0] == images[1]));
        CHECK((images[0] == images[2]));
    }
}

TEST_CASE("a folder of many files is read back whole")
{
    const auto entries = entries_of(iso_image("config-2", many_files()));
    CHECK(entries.size() == 102);
    CHECK(entries.at("folder/A-File-With-A-Longer-Name-99.json").contents == std::string(5000, 'x'));
}

TEST_CASE("an ISO image of settings is small")
{
    CHECK(iso_image("config-2", config_drive()).size() < std::size_t{80} * 1024);
}

TEST_CASE("without a folder for temporary files the error says which is meant")
{
    const Variable temporary{"TMPDIR", "/nowhere/at/all"};
    CHECK_THROWS_WITH_AS(static_cast<void>(iso_image("ENV", {{"env", "{}"}})), doctest::Contains("$TMPDIR"),
                         Error);
}

} // namespace cpi
