#include "json/codec.h"
#include "json/schema.h"
#include "src/caught.h"

namespace cpi::test {

namespace {

enum class Colour { red, deep_blue };

struct Inner {
    std::string word = "unset";
    std::optional<Colour> colour;
};

struct Outer {
    std::string name;
    std::int64_t count = 7;
    bool flag = true;
    Secret password;
    Mebibytes size{3};
    json::Ranged<2, 4> ranged{2};
    std::vector<Inner> items;
    std::map<std::string, std::string> tags;
    json::Verbatim rest;
    Inner inner;
};

struct Tolerant {
    std::string memory;
    std::vector<std::string> unknown_keys;
};

} // namespace

} // namespace cpi::test

namespace cpi::json {

using test::Colour;
using test::Inner;
using test::Outer;
using test::Tolerant;

template <>
inline constexpr std::array names<Colour>{NamedValue<Colour>{"red", Colour::red},
                                          NamedValue<Colour>{"Deep-Blue", Colour::deep_blue}};
template <>
inline constexpr std::tuple fields<Inner>{optional("word", &Inner::word), optional("colour", &Inner::colour)};
template <>
inline constexpr std::tuple fields<Outer>{
    required("name", &Outer::name, "what it is called"),
    optional("count", &Outer::count),
    optional("flag", &Outer::flag),
    optional("password", &Outer::password),
    optional("size", &Outer::size),
    optional("ranged", &Outer::ranged),
    optional("items", &Outer::items),
    optional("tags", &Outer::tags),
    optional("rest", &Outer::rest),
    optional("inner", &Outer::inner),
};
template <>
inline constexpr UnknownKeys unknown_keys<Outer> = UnknownKeys::refuse;
template <>
inline constexpr std::tuple fields<Tolerant>{optional("memory", &Tolerant::memory)};

} // namespace cpi::json

namespace cpi::test {

namespace {

template <class T>
T read(std::string_view text)
{
    const json::Document document = json::parse(text, "the test's text");
    return json::Codec<T>::read(json::root(document, "it"));
}

template <class T>
std::string error(std::string_view text)
{
    const Caught thrown = caught([&] {
        read<T>(text);
        return 0;
    });
    CHECK(thrown.kind == ErrorKind::invalid_call);
    return thrown.what;
}

} // namespace

TEST_CASE("a declared struct is read by its table")
{
    const auto outer = read<Outer>(R"({"name":"n","count":9,"flag":false,"password":"p","size":5,"ranged":4,
        "items":[{"word":"a"},{"colour":"RED"}],"tags":{"k":"v"},"rest":[1,{"x":null}],"inner":{"colour":"deep-blue"}})");
    CHECK(outer.name == "n");
    CHECK(outer.count == 9);
    CHECK_FALSE(outer.flag);
    CHECK(outer.password.reveal() == "p");
    CHECK(outer.size == Mebibytes{5});
    CHECK(outer.ranged.value == 4);
    CHECK(outer.items.size() == 2);
    CHECK(outer.items.at(0).word == "a");
    CHECK(outer.items.at(1).word == "unset");
    CHECK(outer.items.at(1).colour == Colour::red);
    CHECK(outer.tags.at("k") == "v");
    CHECK(outer.rest.text == R"([1,{"x":null}])");
    CHECK(outer.inner.colour == Colour::deep_blue);
}

TEST_CASE("what is optional keeps its default when it is absent or null")
{
    for (const auto* text :
         {R"({"name":"n"})", R"({"name":"n","count":null,"flag":null,"password":null,"size":null,
                             "ranged":null,"items":null,"tags":null,"rest":null,"inner":null})"}) {
        const auto outer = read<Outer>(text);
        CHECK(outer.count == 7);
        CHECK(outer.flag);
        CHECK(outer.password.empty());
        CHECK(outer.size == Mebibytes{3});
        CHECK(outer.items.empty());
        CHECK(outer.rest.text == "null");
        CHECK(outer.inner.word == "unset");
        CHECK_FALSE(outer.inner.colour);
    }
}

TEST_CASE("what is required must be there and not null")
{
    CHECK(error<Outer>("{}") == "it.name: expected a string, got nothing");
    CHECK(error<Outer>(R"({"name":null})") == "it.name: expected a string, got null");
}

TEST_CASE("a wrong value is refused with its path, what is allowed, and what came")
{
    const auto with = [](std::string_view member) {
        return error<Outer>(concat(R"({"name":"n",)", member, "}"));
    };
    CHECK(error<Outer>("[]") == "it: expected an object, got an array");
    CHECK(with(R"("count":-1)") ==
          "it.count: expected a whole number from 0 to 9223372036854775807, got the number -1");
    CHECK(with(R"("flag":"yes")") == "it.flag: expected true or false, got the string \"yes\"");
    CHECK(with(R"("size":1073741825)") ==
          "it.size: expected a whole number from 0 to 1073741824, got the number 1073741825");
    CHECK(with(R"("ranged":5)") == "it.ranged: expected a whole number from 2 to 4, got the number 5");
    CHECK(with(R"("items":{})") == "it.items: expected an array, got an object");
    CHECK(with(R"("items":[{},3])") == "it.items[1]: expected an object, got a number");
    CHECK(with(R"("items":[{"word":1}])") == "it.items[0].word: expected a string, got the number 1");
    CHECK(with(R"("tags":{"k":1})") == "it.tags.k: expected a string, got the number 1");
    CHECK(with(R"("inner":{"colour":"green"})") ==
          "it.inner.colour: expected one of red, Deep-Blue, got the string \"green\"");
    CHECK(with(R"("inner":{"colour":3})") ==
          "it.inner.colour: expected one of red, Deep-Blue, got the number 3");
}

TEST_CASE("a secret's value is in no error")
{
    for (const auto* value : {"[\"sesame\"]", "{\"sesame\":1}", "12345678", "true"}) {
        const std::string text = error<Outer>(concat(R"({"name":"n","password":)", value, "}"));
        CHECK(text.starts_with("it.password: expected a string, got "));
        check_hides(text, "sesame");
        check_hides(text, "12345678");
    }
}

TEST_CASE("a misspelt key is refused with the key that was meant, wherever it is")
{
    CHECK(error<Outer>(R"({"name":"n","cuont":1})") == "it.cuont: no such key; did you mean 'count'?");
    CHECK(error<Outer>(R"({"name":"n","items":[{"colours":"red"}]})") ==
          "it.items[0].colours: no such key; did you mean 'colour'?");
    CHECK(error<Tolerant>(R"({"memroy":"x"})") == "it.memroy: no such key; did you mean 'memory'?");
    CHECK(error<Tolerant>(R"({"MEMORY":"x"})") == "it.MEMORY: no such key; did you mean 'memory'?");
}

TEST_CASE("an unknown key is refused where the struct wants that, with the keys that there are")
{
    CHECK(error<Outer>(R"({"name":"n","something":1})") ==
          "it.something: no such key; the keys here are name, count, flag, password, size, ranged, items, "
          "tags, rest, "
          "inner");
}

TEST_CASE("an unknown key is kept by name where the struct tolerates it")
{
    const auto tolerant = read<Tolerant>(R"({"memory":"x","datacenters":[],"zzz":1})");
    CHECK(tolerant.unknown_keys == std::vector<std::string>{"datacenters", "zzz"});
    CHECK(tolerant.memory == "x");
    CHECK(read<Inner>(R"({"unrelated":1})").word == "unset");
}

TEST_CASE("an error names a key with control characters printably")
{
    const std::string text = error<Outer>(R"({"name":"n","\u001b[31m\u0000":1})");
    CHECK(text == printable_utf8(text));
}

TEST_CASE("an error about a value under a key with control characters is printable too")
{
    const std::string text = error<Outer>(R"({"name":"n","tags":{"\u001b[31m":1}})");
    CHECK(text == printable_utf8(text));
}

TEST_CASE("words of an enumeration are read without regard to case")
{
    for (const auto* text : {R"("deep-blue")", R"("DEEP-BLUE")", R"("Deep-Blue")"})
        CHECK(read<Colour>(text) == Colour::deep_blue);
    CHECK(error<Colour>(R"("deep blue")").starts_with("it: expected one of red, Deep-Blue"));
    CHECK(error<Colour>("null") == "it: expected one of red, Deep-Blue, got null");
}

TEST_CASE("each codec says in words what it takes")
{
    CHECK(json::Codec<std::vector<std::optional<Colour>>>::expected() ==
          "an array, each item one of red, Deep-Blue");
    CHECK(json::Codec<std::map<std::string, json::Ranged<1, 3>>>::expected() ==
          "an object, each value a whole number from 1 to 3");
    CHECK(json::Codec<Mebibytes>::expected() == "a whole number of MiB up to 1073741824");
}

TEST_CASE("a JSON Schema comes from the same table, and is JSON")
{
    json::Writer out;
    out.begin_object();
    json::SchemaOf<Outer>::write(out);
    out.end_object();
    const json::Document document = json::parse(out.text(), "the schema");
    const json::Place schema = json::root(document);
    CHECK(schema.at("type").string() == "object");
    CHECK(schema.at("required").verbatim().text == R"(["name"])");
    CHECK_FALSE(schema.at("additionalProperties").boolean());
    const json::Place properties = schema.at("properties");
    CHECK(properties.members().size() == json::keys<Outer>().size());
    CHECK(properties.at("name").verbatim().text == R"({"description":"what it is called","type":"string"})");
    CHECK(properties.at("flag").verbatim().text == R"({"type":"boolean"})");
    CHECK(properties.at("password").verbatim().text == R"({"type":"string","writeOnly":true})");
    CHECK(properties.at("ranged").verbatim().text == R"({"type":"integer","minimum":2,"maximum":4})");
    CHECK(properties.at("items").at("items").at("properties").at("colour").verbatim().text ==
          R"({"enum":["red","Deep-Blue"]})");
    CHECK(properties.at("inner").at("additionalProperties").boolean());
}

TEST_CASE("a JSON Schema says that a whole number is one")
{
    json::Writer out;
    out.begin_object();
    json::SchemaOf<std::int64_t>::write(out);
    out.end_object();
    CHECK(out.text() == R"({"type":"integer","minimum":0})");
}

TEST_CASE("a JSON Schema says that a map is an object")
{
    json::Writer out;
    out.begin_object();
    json::SchemaOf<std::map<std::string, std::string>>::write(out);
    out.end_object();
    check_says(out.text(), {R"("type":"object")"});
}

} // namespace cpi::test
