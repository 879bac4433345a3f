// What is kept of an object: one table reads and writes it, and says how it is written.

#include "records/record.h"
#include "src/caught.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

namespace cpi::test {

namespace {

enum class Kind { plain, odd };

struct Inner {
    json::Ranged<1, 9> number;
};

struct Sample {
    std::string name;
    std::int64_t size = 0;
    Kind kind = Kind::plain;
    bool flag = false;
    std::vector<std::string> list;
    std::optional<Inner> inner;
    json::VerbatimObject rest;
};

constexpr std::string_view whole = R"({
    "record": 1,
    "name": "a\"b",
    "size": 7,
    "kind": "odd",
    "flag": true,
    "list": [
        "x"
    ],
    "inner": {
        "number": 3
    },
    "rest": {
        "k": null
    }
})";

} // namespace

} // namespace cpi::test

namespace cpi {

template <>
inline constexpr std::array json::names<test::Kind>{json::NamedValue<test::Kind>{"plain", test::Kind::plain},
                                                    json::NamedValue<test::Kind>{"odd", test::Kind::odd}};
template <>
inline constexpr std::tuple json::fields<test::Inner>{json::optional("number", &test::Inner::number)};
template <>
inline constexpr std::tuple json::fields<test::Sample>{
    json::required("name", &test::Sample::name), json::optional("size", &test::Sample::size),
    json::optional("kind", &test::Sample::kind), json::optional("flag", &test::Sample::flag),
    json::optional("list", &test::Sample::list), json::optional("inner", &test::Sample::inner),
    json::optional("rest", &test::Sample::rest)};

} // namespace cpi

namespace cpi::test {

TEST_CASE("a record is read as it was written, and what says nothing is left out")
{
    const auto sample = read_record<Sample>(whole, "it");
    CHECK(sample.name == "a\"b");
    CHECK(sample.kind == Kind::odd);
    CHECK(sample.inner->number.value == 3);
    CHECK(sample.rest.text == R"({"k":null})");
    CHECK(json::pretty(record_text(sample)) == json::pretty(whole));
    Sample short_one;
    short_one.name = "n";
    CHECK(json::pretty(record_text(short_one)) == json::pretty(R"({"record":1,"name":"n","rest":{}})"));
}

TEST_CASE("a record that says no version is read; one of a version that is not known is refused")
{
    CHECK(read_record<Sample>(R"({"name":"old"})", "it").name == "old");
    const Caught newer =
        caught([] { return read_record<Sample>(R"({"record":2,"name":"new"})", "the record of X"); });
    CHECK(newer.what.find("the record of X was written by a newer version of this CPI") != std::string::npos);
}

} // namespace cpi::test
