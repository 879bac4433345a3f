#include "base/secret.h"
#include "base/text.h"

#include <doctest/doctest.h>

#include <concepts>
#include <ostream>

namespace cpi::test {

namespace {

template <class T>
concept Streams = requires(std::ostream& out, const T& value)
{
    out << value;
};

static_assert(!TextPart<Secret>);
static_assert(!Streams<Secret>);
static_assert(!std::convertible_to<Secret, std::string>);
static_assert(!std::convertible_to<std::string, Secret>);
static_assert(!std::equality_comparable<Secret>);

} // namespace

TEST_CASE("a secret gives its value only when asked to reveal it")
{
    CHECK(Secret{"value"}.reveal() == "value");
    CHECK(Secret{}.empty());
    CHECK_FALSE(Secret{"x"}.empty());
}

TEST_CASE("the redactor blanks each occurrence")
{
    Redactor redactor;
    redactor.hide("password-1");
    CHECK(redactor.clean("password-1, then password-1password-1") == "<redacted>, then <redacted><redacted>");
    CHECK(redactor.clean("password-2") == "password-2");
    CHECK(redactor.clean("") == "");
}

TEST_CASE("a secret within a longer one leaves nothing of the longer one behind")
{
    for (const bool longest_first : {true, false}) {
        Redactor redactor;
        redactor.hide(longest_first ? "nats://user:sesame@host" : "sesame");
        redactor.hide(longest_first ? "sesame" : "nats://user:sesame@host");
        CHECK(redactor.clean("to nats://user:sesame@host with sesame") == "to <redacted> with <redacted>");
    }
}

TEST_CASE("words too short to be a secret are not hidden")
{
    Redactor redactor;
    redactor.hide("");
    redactor.hide("admin");
    CHECK(redactor.clean("the administrator") == "the administrator");
    redactor.hide("sixsix");
    CHECK(redactor.clean("sixsix") == "<redacted>");
}

TEST_CASE("a secret that looks like the blank does not make it loop")
{
    Redactor redactor;
    redactor.hide("redacted");
    redactor.hide("<redacted>");
    CHECK(redactor.clean("<redacted>").size() < 40);
    CHECK(redactor.clean("a redacted b").size() < 40);
}

TEST_CASE("secrets of several lines and of any bytes are hidden")
{
    Redactor redactor;
    redactor.hide("-----BEGIN KEY-----\nabc\n-----END KEY-----\n");
    redactor.hide(std::string("nul\0inside", 10));
    CHECK(redactor.clean("key: -----BEGIN KEY-----\nabc\n-----END KEY-----\n.") == "key: <redacted>.");
    CHECK(redactor.clean(std::string("[nul\0inside]", 12)) == "[<redacted>]");
}

TEST_CASE("what is shown has an end, and no secret shows where it was cut")
{
    Redactor redactor;
    redactor.hide("sesame");
    std::string text;
    while (text.size() < 3'000'000)
        text += "sesame sesam";
    const std::string shown = redactor.clean(text);
    CHECK(shown.size() <= 1'048'576);
    CHECK(shown.find("sesame") == std::string::npos);
}

} // namespace cpi::test
