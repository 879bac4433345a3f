// The ways to call the program, the help, the manual page, and what shells complete, from one table.

#include "base/text.h"
#include "cpi/operator/form.h"

#include <doctest/doctest.h>

#include <array>

namespace cpi::test {

namespace {

using Words = std::vector<std::string>;

constexpr std::array forms{
    Form{"--config FILE", "serve", nullptr},
    Form{"--config FILE restore DISK [--as-new]", "restore", nullptr},
    Form{"config schema [NAME]", "print", nullptr},
};

Words completed(const Words& words)
{
    return completions(forms, words, [](std::string_view open) {
        return open == "NAME" ? Words{"vms", "disks"} : Words{};
    });
}

} // namespace

TEST_CASE("a command is called by its words, with something where they are open")
{
    CHECK(match(forms[0], Words{"--config", "a"})->at("FILE") == "a");
    CHECK_FALSE(match(forms[0], Words{"--config"}));
    CHECK_FALSE(match(forms[0], Words{"--config", ""}));
    CHECK_FALSE(match(forms[0], Words{"--config", "a", "restore"}));
    CHECK_FALSE(match(forms[0], Words{}));

    const auto plain = match(forms[1], Words{"--config", "a", "restore", "d"});
    REQUIRE(plain);
    CHECK(plain->at("DISK") == "d");
    CHECK_FALSE(plain->contains("--as-new"));
    CHECK(match(forms[1], Words{"--config", "a", "restore", "d", "--as-new"})->contains("--as-new"));
    CHECK_FALSE(match(forms[1], Words{"--config", "a", "restore", "d", "--new"}));

    CHECK_FALSE(match(forms[2], Words{"config", "schema"})->contains("NAME"));
    CHECK(match(forms[2], Words{"config", "schema", "vms"})->at("NAME") == "vms");
}

TEST_CASE("what is typed is completed by what may come next")
{
    CHECK(completed({""}) == Words{"--config", "config"});
    CHECK(completed({"c"}) == Words{"config"});
    CHECK(completed({"config", ""}) == Words{"schema"});
    CHECK(completed({"config", "schema", "d"}) == Words{"disks"});
    CHECK(completed({"--config", ""}).empty()); // a file
    CHECK(completed({"--config", "f", ""}) == Words{"restore"});
    CHECK(completed({"--config", "f", "restore", "x", "-"}) == Words{"--as-new"});
    CHECK(completed({"nonsense", ""}).empty());
    CHECK(completed({}).empty());
}

TEST_CASE("help and manual name every command")
{
    const std::string usage = usage_of(forms);
    const std::string manual = manual_of(forms, "1.2.3");
    for (const Form& form : forms)
        CHECK(usage.find(concat("  libvirt_cpi ", form.words)) != std::string::npos);
    CHECK(manual.starts_with(".TH LIBVIRT_CPI 1 \"\" \"libvirt_cpi 1.2.3\"\n"));
    CHECK(manual.find(".B \\-\\-config FILE restore DISK [\\-\\-as\\-new]\nrestore.\n") != std::string::npos);
}

} // namespace cpi::test
