#include "base/secret.h"
#include "base/text.h"
#include "json/json.h"
#include "support/cpi_process.h"

#include <doctest/doctest.h>

namespace cpi::test {

namespace {

static_assert(TextPart<std::string> && TextPart<const char*> && TextPart<char> && TextPart<unsigned>);
static_assert(!TextPart<Secret>, "a Secret must not be joined to any text");
static_assert(!TextPart<json::Verbatim>, "what came from the Director must not be joined to any text");

using Words = std::vector<std::string>;

const std::string replaced = "\xEF\xBF\xBD"; // U+FFFD

} // namespace

TEST_CASE("concat joins text, characters and whole numbers")
{
    CHECK(concat("a", std::string{"b"}, std::string_view{"c"}, 'd', -1, 18446744073709551615U) ==
          "abcd-118446744073709551615");
}

TEST_CASE("join puts the separator between words only")
{
    CHECK(join(Words{}, ", ") == "");
    CHECK(join(Words{"a"}, ", ") == "a");
    CHECK(join(Words{"a", "b", "c"}, ", ") == "a, b, c");
    CHECK(join(Words{"a", "", ""}, ",") == "a,,");
}

TEST_CASE("join keeps empty words at the beginning too")
{
    CHECK(join(Words{"", "a"}, ",") == ",a");
}

TEST_CASE("split gives what is between separators, empty parts included")
{
    CHECK(split("a/b/c", '/') == Words{"a", "b", "c"});
    CHECK(split("/a//", '/') == Words{"", "a", "", ""});
    CHECK(split("a", '/') == Words{"a"});
    CHECK(split("", '/') == Words{""});
}

TEST_CASE("lower changes ASCII letters and nothing else")
{
    CHECK(lower("AbZ-09_\xc3\x84") == "abz-09_\xc3\x84");
}

TEST_CASE("trim takes blanks from both ends only")
{
    CHECK(trim(" \t\r\na b\n ") == "a b");
    CHECK(trim(" \n\t ") == "");
    CHECK(trim("") == "");
}

TEST_CASE("a shell reads a quoted word back unchanged")
{
    for (const std::string word :
         {"", "plain", "a b", "it's", "'", "''", "\"", "$HOME `id` $(id) \\", "a\nb", "-n", "*", "~", "!!",
          "#", ";&|<>", "\xc3\xa4\xf0\x9f\x98\x80", "\x01\x7f\xff", "trailing\n"}) {
        CAPTURE(word);
        CHECK(run_program({"sh", "-c", concat("printf %s ", shell_quote(word))}).out == word);
    }
    std::string all;
    for (int c = 1; c < 256; ++c)
        all += static_cast<char>(c);
    CHECK(run_program({"sh", "-c", concat("printf %s ", shell_quote(all))}).out == all);
}

TEST_CASE("nearest finds what a word most likely misspells")
{
    const Words keys{"store_dir", "hypervisor", "uri", "username", "agent"};
    CHECK(nearest("stroe_dir", keys) == "store_dir");
    CHECK(nearest("storedir", keys) == "store_dir");
    CHECK(nearest("STORE-DIR", keys) == "store_dir");
    CHECK(nearest("hyper_visor", keys) == "hypervisor");
    CHECK(nearest("url", keys) == "uri");
    CHECK(nearest("user_name", keys) == "username");
}

TEST_CASE("nearest finds nothing for a word that means something else")
{
    const Words keys{"store_dir", "hypervisor", "uri", "username", "agent"};
    CHECK_FALSE(nearest("blobstore", keys));
    CHECK_FALSE(nearest("director_uuid", keys));
    CHECK_FALSE(nearest("x", keys));
    CHECK_FALSE(nearest("", keys));
    CHECK_FALSE(nearest("anything", Words{}));
}

TEST_CASE("nearest takes the closest of several")
{
    CHECK(nearest("cpuss", Words{"cpu", "cpus", "cpus_"}) == "cpus");
}

TEST_CASE("valid UTF-8 stays as it is")
{
    for (const std::string text :
         {"", "plain\ttext\r\n", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
          "\xef\xbf\xbd", "\xf0\x90\x80\x80", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xe2\x80\xa8"}) {
        CAPTURE(text);
        CHECK(printable_utf8(text) == text);
    }
}

TEST_CASE("bytes that are not UTF-8 are replaced, and what follows is kept")
{
    struct Case {
        std::string bytes;
        std::size_t replacements;
    };
    const std::vector<Case> cases{
        {"\x80", 1},             // a continuation alone
        {"\xbf", 1},             //
        {"\xc0\xaf", 2},         // overlong '/'
        {"\xc1\xbf", 2},         //
        {"\xe0\x80\xaf", 3},     // overlong in three
        {"\xe0\x9f\xbf", 3},     //
        {"\xf0\x80\x80\xaf", 4}, // overlong in four
        {"\xf0\x8f\xbf\xbf", 4}, //
        {"\xed\xa0\x80", 3},     // a surrogate
        {"\xed\xbf\xbf", 3},     //
        {"\xf4\x90\x80\x80", 4}, // beyond Unicode
        {"\xf5\x80\x80\x80", 4}, //
        {"\xf8\x88\x80\x80\x80", 5},
        {"\xfe", 1},
        {"\xff", 1},
        {"\xc3", 1},         // cut off
        {"\xe2\x82", 2},     //
        {"\xf0\x9f\x98", 3}, //
    };
    for (const Case& each : cases) {
        const std::string& bytes = each.bytes;
        CAPTURE(bytes);
        std::string expected;
        for (std::size_t i = 0; i < each.replacements; ++i)
            expected += replaced;
        CHECK(printable_utf8(bytes) == expected);
        CHECK(printable_utf8(concat("a", bytes, "z")) == concat("a", expected, "z"));
        CHECK(printable_utf8(concat(bytes, "\xc3\xa4")) == concat(expected, "\xc3\xa4"));
    }
}

TEST_CASE("what XML cannot hold is replaced: control characters and U+FFFE, U+FFFF")
{
    using namespace std::string_literals;
    for (const std::string& text : {"\0"s, "\x01"s, "\x08"s, "\x0b"s, "\x0c"s, "\x1b"s, "\x1f"s, "\x7f"s,
                                    "\xef\xbf\xbe"s, "\xef\xbf\xbf"s}) {
        CAPTURE(text);
        CHECK(printable_utf8(text) == replaced);
    }
    CHECK(printable_utf8("\x1b[31mred\x1b[0m") == concat(replaced, "[31mred", replaced, "[0m"));
}

TEST_CASE("an excerpt is printable and short")
{
    CHECK(excerpt("word") == "word");
    CHECK(excerpt(std::string(200, 'x')) == std::string(200, 'x'));
    CHECK(excerpt(std::string(201, 'x')) == concat(std::string(200, 'x'), "…"));
    CHECK(excerpt("\x1b[31m") == concat(replaced, "[31m"));
}

TEST_CASE("a text is shortened in its middle")
{
    CHECK(shortened("word", 4) == "word");
    const std::string text = shortened(concat("begin", std::string(1000, '-'), "end"), 100);
    CHECK(text.size() == 100);
    CHECK(text.starts_with("begin-"));
    CHECK(text.ends_with("-end"));
    CHECK(text.find(" […] ") != std::string::npos);
}

TEST_CASE("a word that is much longer than each candidate is near to none")
{
    const Words candidates{"network", "bridge"};
    CHECK_FALSE(nearest(std::string(30'000'000, 'x'), candidates));
    CHECK(nearest("networkk", candidates) == "network");
}

TEST_CASE("the stable hash is FNV-1a, on every machine")
{
    CHECK(stable_hash("") == 0xcbf29ce484222325U);
    CHECK(stable_hash("a") == 0xaf63dc4c8601ec8cU);
    CHECK(stable_hash("foobar") == 0x85944171f73967e8U);
    CHECK(stable_hash("\xff") != stable_hash("\x7f"));
}

} // namespace cpi::test
