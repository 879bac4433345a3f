#include "json/json.h"
#include "src/caught.h"
#include "src/child.h"

namespace cpi::test {

namespace {

std::string nested(std::size_t depth, char open, std::string_view close)
{
    std::string text(depth, open);
    for (std::size_t i = 0; i < depth; ++i)
        text += close;
    return text;
}

std::string parse_error(std::string_view text)
{
    const Caught error = caught([&] { return json::parse(text, "the request").IsNull(); });
    CHECK(error.kind == ErrorKind::invalid_call);
    return error.what;
}

/// A document and the place of its root, together.
struct Parsed {
    explicit Parsed(std::string_view text) : document{json::parse(text, "the test's text")} {}
    [[nodiscard]] json::Place root(std::string path = {}) const
    {
        return json::root(document, std::move(path));
    }
    json::Document document;
};

std::string merged(std::string_view into, std::string_view from)
{
    json::Document document = json::parse(into, "into");
    json::merge(document, json::parse(from, "from"));
    return json::root(document).verbatim().text;
}

} // namespace

TEST_CASE("what is not JSON is refused with its line and column")
{
    check_says(parse_error("{\n  \"a\": 1,\n  b\n}"), {"the request is not JSON: ", "line 3, column 3"});
    check_says(parse_error(""), {"line 1, column 1"});
    check_says(parse_error("{} x"), {"line 1, column 4"});
    check_says(parse_error("\n\n\n"), {"line 4, column 1"});
    check_says(parse_error("{\"a\":1,}"), {"line 1, column 8"});
}

TEST_CASE("JSON with text that is not Unicode is refused")
{
    for (const std::string text :
         {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", R"("\ud800")", "\xff\xfe{"}) {
        CAPTURE(text);
        CHECK(caught([&] { return json::parse(text, "it").IsNull(); }).kind == ErrorKind::invalid_call);
    }
}

TEST_CASE("an escape that is half a character does not become text that is not Unicode")
{
    const Caught refused = caught([] {
        const Parsed parsed{R"({"x":"\udc00"})"};
        const std::string text = parsed.root().verbatim().text;
        CHECK(text == printable_utf8(text));
        return 0;
    });
    CHECK((!refused.kind || refused.kind == ErrorKind::invalid_call));
}

TEST_CASE("numbers that no double holds are refused")
{
    CHECK(caught([] { return json::parse("[1e999]", "it").IsNull(); }).kind == ErrorKind::invalid_call);
}

TEST_CASE("a million opening brackets are an error, not a crash")
{
    CHECK(in_child([] {
              return caught([] { return json::parse(std::string(1'000'000, '['), "it").IsNull(); }).what;
          }).starts_with("it is nested deeper"));
}

TEST_CASE("a million brackets that close again are no crash either")
{
    // RapidJSON parses it without recursion, and then writes it (Place::verbatim) with recursion.
    const std::string text = nested(1'000'000, '[', "]");
    CHECK(in_child([&] {
              const json::Document document = json::parse(text, "it");
              return json::root(document).verbatim().text == text ? "the same" : "another";
          }).find("signal") == std::string::npos);
}

TEST_CASE("moderate nesting is read and written as it came")
{
    const std::string text = nested(500, '[', "]");
    const Parsed parsed{text};
    CHECK(parsed.root().verbatim().text == text);
}

TEST_CASE("merging lays objects over each other key by key and replaces the rest")
{
    CHECK(merged(R"({"a":1,"b":{"x":1,"y":2}})", R"({"b":{"y":3,"z":4},"c":5})") ==
          R"({"a":1,"b":{"x":1,"y":3,"z":4},"c":5})");
    CHECK(merged(R"({"a":[1,2]})", R"({"a":[3]})") == R"({"a":[3]})");
    CHECK(merged(R"({"a":{"x":1}})", R"({"a":2})") == R"({"a":2})");
    CHECK(merged(R"({"a":2})", R"({"a":{"x":1}})") == R"({"a":{"x":1}})");
    CHECK(merged(R"({"a":{"x":1}})", R"({"a":null})") == R"({"a":null})");
    CHECK(merged(R"({"a":{"b":{"c":{"d":1}}}})", R"({"a":{"b":{"c":{"e":2}}}})") ==
          R"({"a":{"b":{"c":{"d":1,"e":2}}}})");
    CHECK(merged("{}", "{}") == "{}");
}

TEST_CASE("a merged document does not need the one that it was merged from")
{
    json::Document into = json::parse("{}", "into");
    {
        const json::Document from =
            json::parse(R"({"key":{"inner":"a long value that is no small string"}})", "from");
        json::merge(into, from);
    }
    CHECK(json::root(into).at("key").at("inner").string() == "a long value that is no small string");
}

TEST_CASE("a place names its path in errors")
{
    const Parsed parsed{R"({"a":{"b":[1,{"c":true}]}})"};
    const auto deep = parsed.root().at("a").at("b").items().at(1).at("c");
    CHECK(deep.path() == "a.b[1].c");
    CHECK(caught([&] { return deep.string(); }).what == "a.b[1].c: expected a string, got true");
    CHECK(parsed.root("arguments").at("x").path() == "arguments.x");
    CHECK(caught([&] { return parsed.root("arguments").at("x").at("y").string(); }).what ==
          "arguments.x.y: expected a string, got nothing");
}

TEST_CASE("an error says what came instead")
{
    const Parsed parsed{R"([null, true, false, 17, -1, 1.5, "two", {"a":1}, [1]])"};
    std::vector<std::string> errors;
    for (const auto& item : parsed.root("p").items())
        errors.push_back(caught([&] {
                             item.fail("x");
                             return 0;
                         }).what);
    CHECK(errors == std::vector<std::string>{
                        "p[0]: expected x, got null", "p[1]: expected x, got true",
                        "p[2]: expected x, got false", "p[3]: expected x, got the number 17",
                        "p[4]: expected x, got the number -1", "p[5]: expected x, got the number 1.5",
                        "p[6]: expected x, got the string \"two\"", "p[7]: expected x, got an object",
                        "p[8]: expected x, got an array"});
}

TEST_CASE("a long string is cut in an error, at a character's border or with a replacement")
{
    const Parsed parsed{concat("\"", std::string(59, 'x'), "\xc3\xa4\xc3\xa4\"")};
    const std::string error = caught([&] { return parsed.root("p").boolean(); }).what;
    CHECK(error.size() < 120);
    CHECK(error == printable_utf8(error));
    CHECK(error.ends_with("…\""));
}

TEST_CASE("a discreet failure names the type and not the value")
{
    const Parsed parsed{R"({"a":"sesame","b":17,"c":true})"};
    const auto error = [&](std::string_view key) {
        return caught([&] {
                   parsed.root().at(key).fail_discreetly("x");
                   return 0;
               })
            .what;
    };
    CHECK(error("a") == "a: expected x, got a string");
    CHECK(error("b") == "b: expected x, got a number");
    CHECK(error("c") == "c: expected x, got a boolean");
    CHECK(error("d") == "d: expected x, got nothing");
}

TEST_CASE("a whole number lies within its bounds, both included")
{
    const auto read = [](std::string_view text, std::int64_t least, std::int64_t most) {
        const Parsed parsed{text};
        return parsed.root("p").integer(least, most);
    };
    constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
    constexpr auto highest = std::numeric_limits<std::int64_t>::max();
    CHECK(read("1", 1, 5) == 1);
    CHECK(read("5", 1, 5) == 5);
    CHECK(read("9223372036854775807", lowest, highest) == highest);
    CHECK(read("-9223372036854775808", lowest, highest) == lowest);
    CHECK(caught([&] { return read("6", 1, 5); }).what ==
          "p: expected a whole number from 1 to 5, got the number 6");
    for (const auto* text :
         {"0", "6", "-1", "1.0", "1.5", "1e2", "\"1\"", "true", "null", "[1]", "9223372036854775808"}) {
        CAPTURE(text);
        CHECK(caught([&] { return read(text, 1, 5); }).kind == ErrorKind::invalid_call);
    }
    CHECK(caught([&] { return read("9223372036854775808", lowest, highest); }).kind ==
          ErrorKind::invalid_call);
}

TEST_CASE("absent, null and wrong are told apart where it matters")
{
    const Parsed parsed{R"({"null":null,"text":"x"})"};
    const auto root = parsed.root();
    CHECK(root.at("null").is_null());
    CHECK(root.at("absent").is_null());
    CHECK(root.at("text").at("inside").is_null());
    CHECK_FALSE(root.at("text").is_null());
    CHECK(root.at("text").is_string());
    CHECK_FALSE(root.at("text").is_object());
    CHECK_FALSE(root.at("absent").is_array());
    CHECK(caught([&] { return root.at("absent").items(); }).what == "absent: expected an array, got nothing");
    CHECK(caught([&] { return root.at("text").members(); }).what ==
          "text: expected an object, got the string \"x\"");
    CHECK(caught([&] { return root.at("null").boolean(); }).what == "null: expected true or false, got null");
}

TEST_CASE("strings and keys keep NUL characters and Unicode")
{
    const Parsed parsed{R"({"a\u0000b":"c\u0000d","ä":"😀\ud83d\ude00"})"};
    const auto members = parsed.root().members();
    CHECK(members.at(0).first == std::string("a\0b", 3));
    CHECK(members.at(0).second.string() == std::string("c\0d", 3));
    CHECK(parsed.root().at("ä").string() == "😀😀");
    CHECK(parsed.root().at(std::string("a\0b", 3)).string() == std::string("c\0d", 3));
    CHECK(parsed.root().at("a").is_null());
}

TEST_CASE("verbatim JSON comes out as it went in, but for blanks")
{
    const std::string text =
        R"({"z":1,"a":[null,true,-0.5,"ä\u0000\n\"\\"],"":{"x":{}},"big":18446744073709551615,"e":1e+30})";
    CHECK(Parsed{concat(" ", text, "\n")}.root().verbatim().text.substr(0, 60) == text.substr(0, 60));
    CHECK(Parsed{Parsed{text}.root().verbatim().text}.document == Parsed{text}.document);
    CHECK(json::Place{nullptr, "p"}.verbatim().text == "null");
}

TEST_CASE("with_member adds a member or replaces it")
{
    CHECK(json::with_member({"{}"}, "mac", "a\"b").text == R"({"mac":"a\"b"})");
    CHECK(json::with_member({R"({"a":1,"mac":{"x":1},"b":2})"}, "mac", "m").text ==
          R"({"a":1,"mac":"m","b":2})");
    CHECK(json::with_member({R"({"a":1})"}, "b", "ä").text == R"({"a":1,"b":"ä"})");
}

TEST_CASE("the writer's text is JSON whatever goes in")
{
    using namespace std::string_literals;
    json::Writer out;
    out.begin_object();
    out.key("bad\xff").string("nul\0 quote\" back\\ \x01 \xc3"s);
    out.key("numbers")
        .begin_array()
        .integer(-1)
        .integer(std::numeric_limits<std::int64_t>::max())
        .end_array();
    out.key("rest").begin_array().boolean(true).null().verbatim({R"({"x":[1]})"}).end_array();
    out.end_object();
    const Parsed parsed{out.text()};
    CHECK(parsed.root().at("bad\xef\xbf\xbd").string() ==
          "nul\xef\xbf\xbd quote\" back\\ \xef\xbf\xbd \xef\xbf\xbd");
    CHECK(parsed.root().at("numbers").verbatim().text == "[-1,9223372036854775807]");
    CHECK(parsed.root().at("rest").verbatim().text == R"([true,null,{"x":[1]}])");
}

TEST_CASE("pretty breaks lines and changes nothing else")
{
    CHECK(json::pretty(R"({"a":[1,{"b":"ä"}],"c":{}})") ==
          "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"ä\"\n    }\n  ],\n  \"c\": {}\n}");
    CHECK(caught([] { return json::pretty("{"); }).kind == ErrorKind::invalid_call);
}

} // namespace cpi::test
