#include "base/base64.h"

#include <doctest/doctest.h>

namespace cpi::test {

TEST_CASE("base64 is that of RFC 4648, both ways")
{
    struct Pair {
        std::string_view bytes;
        std::string_view text;
    };
    for (const auto& [bytes, text] :
         {Pair{"", ""}, Pair{"f", "Zg=="}, Pair{"fo", "Zm8="}, Pair{"foo", "Zm9v"}, Pair{"foob", "Zm9vYg=="},
          Pair{"fooba", "Zm9vYmE="}, Pair{"foobar", "Zm9vYmFy"}, Pair{"\xff\xfe\xfb", "//77"}}) {
        CHECK(encode_base64(bytes) == text);
        CHECK(decode_base64(text) == bytes);
    }
}

TEST_CASE("what is no base64 has no bytes")
{
    for (const auto* text : {"Zg=", "Zg", "Z===", "Zm9v Zg==", "Zm 9", "====", "Zg==Zg=="}) {
        CAPTURE(text);
        CHECK_FALSE(decode_base64(text));
    }
}

} // namespace cpi::test
