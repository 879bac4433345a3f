#include "base/text.h"
#include "src/caught.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"
#include "xml/xml.h"

namespace cpi::test {

namespace {

const std::string awkward = "a<b> & \"c\" 'd' ]]> ä😀 end";

xml::Document parsed(std::string_view text)
{
    return xml::Document::parse(text, "the test's text");
}

/// What libxml2, which libvirt reads with, makes of it.
std::string as_libxml2_sees(const xml::Document& document, const std::string& xpath)
{
    const TempDir folder;
    return run_program({"xmllint", "--xpath", concat("string(", xpath, ")"),
                        folder.write("x.xml", document.to_text())})
        .out;
}

} // namespace

TEST_CASE("text and attributes are escaped, and read back as they were")
{
    const xml::Document document{"root"};
    document.root().add("child", awkward).set("key", awkward);
    check_says(document.to_text(), {"a&lt;b&gt; &amp; ", "key=\"a&lt;b"});
    const xml::Document again = parsed(document.to_text());
    const auto child = again.root().child("child");
    REQUIRE(child);
    CHECK(child->text() == awkward);
    CHECK(child->attribute("key") == awkward);
}

TEST_CASE("libxml2 reads the same text and attributes")
{
    const xml::Document document{"root"};
    document.root().add("child", awkward).set("key", awkward);
    CHECK(as_libxml2_sees(document, "/root/child") == awkward + "\n");
    CHECK(as_libxml2_sees(document, "/root/child/@key") == awkward + "\n");
}

TEST_CASE("line breaks in text are kept")
{
    const xml::Document document{"root"};
    document.root().add("child", "a\nb\n\nc\td");
    CHECK(parsed(document.to_text()).root().child("child")->text() == "a\nb\n\nc\td");
    CHECK(as_libxml2_sees(document, "/root/child") == "a\nb\n\nc\td\n");
}

TEST_CASE("line breaks and tabs in attributes are blanks, for every reader")
{
    const xml::Document document{"root"};
    document.root().set("key", "a\nb\tc");
    CHECK(document.root().attribute("key") == "a b c");
    CHECK(as_libxml2_sees(document, "/root/@key") == "a b c\n");
}

TEST_CASE("what XML cannot hold is replaced")
{
    const xml::Document document{"root"};
    document.root().add("child", std::string("a\0\x01\x1b\xff\xef\xbf\xbez", 9)).set("key", "\x02\xc0\xaf");
    const std::string r = "\xef\xbf\xbd";
    CHECK(as_libxml2_sees(document, "/root/child") == concat("a", r, r, r, r, r, "z\n"));
    CHECK(as_libxml2_sees(document, "/root/child/@key") == concat(r, r, r, "\n"));
}

TEST_CASE("elements are built in order, with attributes in order")
{
    const xml::Document document{"a"};
    const xml::Element b = document.root().add("b").set("x", "1").set("y", "2");
    b.add("c");
    b.add("c", "text");
    document.root().add("d");
    CHECK(b.to_text() == "<b x=\"1\" y=\"2\">\n    <c/>\n    <c>text</c>\n</b>\n");
    CHECK(document.root().name() == "a");
    b.set("x", "3");
    CHECK(b.attribute("x") == "3");
}

TEST_CASE("children are found by name, all or the first")
{
    const xml::Document document = parsed("<r><a n='1'/>text<b/><!-- a --><a n='2'><a n='3'/></a></r>");
    const auto names = [](const std::vector<xml::Element>& elements) {
        std::string all;
        for (const auto& element : elements)
            all += element.name() + element.attribute("n") + " ";
        return all;
    };
    CHECK(names(document.root().children()) == "a1 b a2 ");
    CHECK(names(document.root().children("a")) == "a1 a2 ");
    CHECK(document.root().child("a")->attribute("n") == "1");
    CHECK_FALSE(document.root().child("c"));
    CHECK(document.root().children("c").empty());
}

TEST_CASE("a path of names finds the first element that has it")
{
    const xml::Document document = parsed("<r><a><b><c>deep</c></b></a></r>");
    CHECK(document.root().find("a/b/c")->text() == "deep");
    CHECK(document.root().find("a")->name() == "a");
    CHECK_FALSE(document.root().find("a/x/c"));
    CHECK_FALSE(document.root().find("b"));
}

TEST_CASE("children and attributes can be taken away")
{
    const xml::Document document = parsed("<a x='1' y='2'><b/><c/><b>second</b></a>");
    document.root().unset("x");
    document.root().unset("absent");
    document.root().remove(document.root().children("b").at(1));
    CHECK(document.root().attribute("x").empty());
    CHECK(document.root().attribute("y") == "2");
    CHECK(document.root().children().size() == 2);
    CHECK(document.root().child("b")->text().empty());
}

TEST_CASE("what is not there is empty")
{
    const xml::Document document = parsed("<r empty=''><a/></r>");
    CHECK(document.root().attribute("absent").empty());
    CHECK(document.root().attribute("empty").empty());
    CHECK(document.root().child("a")->text().empty());
}

TEST_CASE("what is not XML is refused with its name and line")
{
    for (const auto* text : {"", "plain", "<a>", "<a></b>", "<a>\n<b x=1/></a>", "<!-- only -->"}) {
        CAPTURE(text);
        const Caught error = caught([&] { return parsed(text).to_text(); });
        CHECK(error.kind == ErrorKind::cloud);
        check_says(error.what, {"the test's text is not XML: ", " at line "});
    }
    check_says(caught([] { return parsed("<a>\n\n<b>\n</a>").to_text(); }).what,
               {"XML_ERROR_MISMATCHED_ELEMENT", "at line 3"});
}

TEST_CASE("deep nesting is an error, not a crash")
{
    std::string text;
    for (int i = 0; i < 100'000; ++i)
        text += "<a>";
    CHECK(caught([&] { return parsed(text).to_text(); }).kind == ErrorKind::cloud);
}

TEST_CASE("a document can be moved, and its elements stay")
{
    xml::Document first = parsed("<r><a/></r>");
    const xml::Element root = first.root();
    const xml::Document second = std::move(first);
    CHECK(root.child("a"));
    CHECK(second.root().child("a"));
}

} // namespace cpi::test
