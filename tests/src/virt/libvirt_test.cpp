// Against libvirt's own `test` driver, which lives in this process and forgets all when its last connection
// is closed.

#include "src/caught.h"
#include "virt/libvirt.h"
#include "xml/xml.h"

#include <set>

namespace cpi::test {

namespace {

struct Fixture {
    Libvirt libvirt{{"test:///default", "virsh"}};

    Fixture()
    {
        libvirt.define_domain("vm-a", "<domain type='test'><name>vm-a</name><memory>1024</memory>"
                                      "<os><type>hvm</type></os></domain>");
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "a domain exists or not, and both are answers")
{
    CHECK(libvirt.domain_exists("test"));
    CHECK(libvirt.domain_exists("vm-a"));
    CHECK_FALSE(libvirt.domain_exists("vm-absent"));
    CHECK_FALSE(libvirt.domain_exists("te"));
}

TEST_CASE_FIXTURE(Fixture, "a domain is defined, started, stopped and forgotten")
{
    CHECK(libvirt.domain_state("vm-a") == DomainState::off);
    libvirt.start_domain("vm-a");
    CHECK(libvirt.domain_state("vm-a") == DomainState::running);
    libvirt.destroy_domain("vm-a");
    CHECK(libvirt.domain_state("vm-a") == DomainState::off);
    CHECK_NOTHROW(libvirt.destroy_domain("vm-a"));
    libvirt.undefine_domain("vm-a", 0);
    CHECK_FALSE(libvirt.domain_exists("vm-a"));
}

TEST_CASE_FIXTURE(Fixture, "a domain that runs shuts down when it is asked to")
{
    libvirt.start_domain("vm-a");
    libvirt.shut_down_domain("vm-a");
    CHECK(libvirt.domain_state("vm-a") == DomainState::off);
}

TEST_CASE_FIXTURE(Fixture, "a definition is read, live or as it will be")
{
    for (const auto definition : {Definition::live, Definition::inactive})
        CHECK(
            xml::Document::parse(libvirt.domain_xml("test", definition), "it").root().child("name")->text() ==
            "test");
    CHECK(xml::Document::parse(libvirt.domain_xml("test", Definition::live), "it").root().attribute("id") ==
          "1");
    CHECK(xml::Document::parse(libvirt.domain_xml("test", Definition::inactive), "it")
              .root()
              .attribute("id")
              .empty());
}

TEST_CASE_FIXTURE(Fixture, "a domain that must be there and is not is vm_not_found")
{
    const auto check = [](const Caught& error) {
        CHECK(error.kind == ErrorKind::vm_not_found);
        CHECK(error.what == "VM 'vm-absent' not found");
    };
    check(caught([&] { return libvirt.domain_state("vm-absent"); }));
    check(caught([&] { return libvirt.domain_xml("vm-absent", Definition::live); }));
    check(caught([&] {
        libvirt.start_domain("vm-absent");
        return 0;
    }));
    check(caught([&] {
        libvirt.destroy_domain("vm-absent");
        return 0;
    }));
    check(caught([&] {
        libvirt.shut_down_domain("vm-absent");
        return 0;
    }));
    check(caught([&] {
        libvirt.undefine_domain("vm-absent", 0);
        return 0;
    }));
    check(caught([&] {
        libvirt.annotate_domain("vm-absent", {});
        return 0;
    }));
    check(caught([&] {
        libvirt.autostart_domain("vm-absent");
        return 0;
    }));
    check(caught([&] {
        libvirt.attach_device("vm-absent", "<disk/>", Reach::config);
        return 0;
    }));
    check(caught([&] {
        libvirt.detach_device("vm-absent", "<disk/>", Reach::config);
        return 0;
    }));
}

TEST_CASE_FIXTURE(Fixture, "an error says what was being done, what libvirt said, and the virsh line to try")
{
    const Caught started = caught([&] {
        libvirt.start_domain("test");
        return 0;
    });
    CHECK(started.kind == ErrorKind::cloud);
    check_says(started.what, {"starting VM test: libvirt says: ", "already running",
                              ". Try: virsh -c 'test:///default' start test"});
    const Caught defined = caught([&] {
        libvirt.define_domain("vm-b", "<domain type='test'/>");
        return 0;
    });
    CHECK(defined.kind == ErrorKind::cloud);
    check_says(defined.what,
               {"defining VM vm-b: libvirt says: ", "name", "Try: virsh -c 'test:///default' define FILE"});
    check_says(caught([&] {
                   libvirt.define_domain("vm-b", "no xml");
                   return 0;
               }).what,
               {"defining VM vm-b: libvirt says: "});
    CHECK_FALSE(libvirt.domain_exists("vm-b"));
}

TEST_CASE_FIXTURE(Fixture,
                  "what people and programs should know of a domain is read back from its definition")
{
    const Annotation annotation{.title = "web/0 <&> 'ä😀'",
                                .description = "job: web\nindex: 0\n",
                                .element = "<tags><tag key=\"a&amp;b\">c</tag></tags>",
                                .prefix = "cpi",
                                .xml_namespace = "urn:test:1"};
    libvirt.annotate_domain("vm-a", annotation);
    const auto check = [&](Definition definition) {
        const auto document = xml::Document::parse(libvirt.domain_xml("vm-a", definition), "it");
        CHECK(document.root().child("title")->text() == annotation.title);
        CHECK(document.root().child("description")->text() == annotation.description);
        const auto tags = document.root().find("metadata/cpi:tags");
        REQUIRE(tags);
        CHECK(tags->attribute("xmlns:cpi") == "urn:test:1");
        CHECK(tags->children().at(0).attribute("key") == "a&b");
        CHECK(tags->children().at(0).text() == "c");
    };
    check(Definition::inactive);
    libvirt.annotate_domain("test", annotation);
    CHECK(xml::Document::parse(libvirt.domain_xml("test", Definition::live), "it")
              .root()
              .child("title")
              ->text() == annotation.title);
    CHECK(xml::Document::parse(libvirt.domain_xml("test", Definition::inactive), "it")
              .root()
              .child("title")
              ->text() == annotation.title);
}

TEST_CASE_FIXTURE(Fixture, "an annotation replaces the one before")
{
    libvirt.annotate_domain("vm-a", {"one", "first", "<tags><tag>1</tag></tags>", "cpi", "urn:test:1"});
    libvirt.annotate_domain("vm-a", {"two", "second", "<tags><tag>2</tag></tags>", "cpi", "urn:test:1"});
    const auto document = xml::Document::parse(libvirt.domain_xml("vm-a", Definition::inactive), "it");
    CHECK(document.root().child("title")->text() == "two");
    CHECK(document.root().child("metadata")->children().size() == 1);
    CHECK(document.root().find("metadata/cpi:tags")->children().at(0).text() == "2");
}

TEST_CASE_FIXTURE(Fixture, "a network is active, or is not, or is not there")
{
    CHECK(libvirt.network_active("default") == true);
    CHECK(libvirt.network_active("absent") == std::nullopt);
    libvirt.define_network("other", "<network><name>other</name><bridge name='virbr9'/></network>");
    CHECK(libvirt.network_active("other") == false);
    libvirt.start_network("other");
    CHECK(libvirt.network_active("other") == true);
    CHECK_NOTHROW(libvirt.start_network("other"));
    CHECK_FALSE(libvirt.network_autostarts("other"));
    libvirt.autostart_network("other");
    CHECK(libvirt.network_autostarts("other"));
}

TEST_CASE_FIXTURE(Fixture, "a network that must be there and is not is network_not_found")
{
    for (const auto& error : {caught([&] {
                                  libvirt.start_network("absent");
                                  return 0;
                              }),
                              caught([&] {
                                  libvirt.autostart_network("absent");
                                  return 0;
                              })}) {
        CHECK(error.kind == ErrorKind::network_not_found);
        CHECK(error.what == "network 'absent' not found");
    }
}

TEST_CASE_FIXTURE(Fixture, "a network's name is quoted in the line to try")
{
    check_says(caught([&] {
                   libvirt.define_network("a b", "<network/>");
                   return 0;
               }).what,
               {"defining network 'a b'", "libvirt says: ", "net-list --all"});
}

TEST_CASE("a daemon that is not there is an error and no absence")
{
    Libvirt libvirt{{"qemu+unix:///system?socket=/no/such/socket", "/opt/bin/virsh"}};
    for (const auto& error : {caught([&] { return libvirt.domain_exists("vm-a"); }),
                              caught([&] { return libvirt.domain_state("vm-a"); }),
                              caught([&] { return libvirt.network_active("default"); }), caught([&] {
                                  libvirt.destroy_domain("vm-a");
                                  return 0;
                              })}) {
        CHECK(error.kind == ErrorKind::cloud);
        check_says(
            error.what,
            {"connecting to qemu+unix:///system?socket=/no/such/socket: libvirt says: ",
             "/no/such/socket': No such file or directory",
             "Try: /opt/bin/virsh -c 'qemu+unix:///system?socket=/no/such/socket' list --all; install ",
             "libvirt-daemon-system", "systemctl start libvirtd"});
    }
}

TEST_CASE("a URI of no known driver is an error that shows it")
{
    Libvirt libvirt{{"nonsense:///x", "virsh"}};
    check_says(caught([&] { return libvirt.domain_exists("vm-a"); }).what,
               {"connecting to nonsense:///x", "libvirt says: "});
}

TEST_CASE("nothing is connected before it is needed")
{
    const Libvirt libvirt{{"nonsense:///x", "virsh"}};
    CHECK(libvirt.uri() == "nonsense:///x");
}

TEST_CASE_FIXTURE(Fixture, "domains are listed whether they run or not")
{
    const std::vector<std::string> names = libvirt.domain_names();
    CHECK(std::set<std::string>(names.begin(), names.end()) == std::set<std::string>{"test", "vm-a"});
}

TEST_CASE_FIXTURE(Fixture, "networks are listed whether they are active or not")
{
    libvirt.define_network("off", "<network><name>off</name><bridge name='virbr8'/></network>");
    const std::string all = join(libvirt.network_definitions(), "");
    CHECK(all.find("<name>default</name>") != std::string::npos);
    CHECK(all.find("<name>off</name>") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a network is removed by its uuid, active or not, and another of its name is not")
{
    const std::string uuid = "3f0c1a52-7a3c-4a53-9a0e-5f7a3b1c9d11";
    const std::string xml =
        concat("<network><name>made</name><uuid>", uuid, "</uuid><bridge name='virbr8'/></network>");
    for (const bool active : {false, true}) {
        libvirt.define_network("made", xml);
        if (active)
            libvirt.start_network("made");
        CHECK_FALSE(libvirt.remove_network("3f0c1a52-7a3c-4a53-9a0e-5f7a3b1c9d12"));
        CHECK(libvirt.network_active("made") == active);
        CHECK(libvirt.remove_network(uuid));
        CHECK(libvirt.network_active("made") == std::nullopt);
        CHECK_FALSE(libvirt.remove_network(uuid));
    }
}

} // namespace cpi::test
