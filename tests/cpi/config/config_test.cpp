#include "cpi/config/config.h"
#include "cpi/operator/schemas.h"
#include "src/caught.h"
#include "support/temp_dir.h"

namespace cpi::test {

namespace {

constexpr std::string_view least = R"({"store_dir":"/srv/store","agent":{"mbus":"nats://10.0.0.6:4222"}})";

Config read(std::string_view text, std::string_view context = "{}")
{
    const json::Document document = json::parse(context, "the context");
    return read_config(text, "/etc/cpi.json", json::root(document));
}

/// The least configuration with these members more, or instead.
std::string with(std::string_view members)
{
    json::Document document = json::parse(least, "it");
    json::merge(document, json::parse(concat("{", members, "}"), "the members"));
    return json::root(document).verbatim().text;
}

std::string error(std::string_view text, std::string_view context = "{}")
{
    const Caught thrown = caught([&] { return read(text, context).uri; });
    CAPTURE(text);
    CHECK(thrown.kind == ErrorKind::cpi);
    CHECK(thrown.what.starts_with("configuration /etc/cpi.json: "));
    return thrown.what;
}

} // namespace

TEST_CASE("the least configuration is QEMU on this machine")
{
    const Config config = read(least);
    CHECK(config.hypervisor.row->name == "qemu");
    CHECK(config.connection_uri() == "qemu:///system");
    CHECK(config.bin_path == "virsh");
    CHECK(config.store_dir.text == "/srv/store");
    CHECK(config.storage_controller == StorageController::virtio);
    CHECK(config.acceleration == Acceleration::automatic);
    CHECK(config.autostart);
    CHECK_FALSE(config.auto_enable_networks);
    CHECK_FALSE(config.strict_controller);
    CHECK(config.agent.mbus.reveal() == "nats://10.0.0.6:4222");
    CHECK(config.agent.ntp.empty());
    CHECK_FALSE(config.agent.blobstore);
}

TEST_CASE("every key of the configuration is read")
{
    const Config config =
        read(R"({"hypervisor":"LXC","uri":"lxc:///","bin_path":"/opt/virsh","store_dir":"/s",
        "storage_controller":"sata","auto_enable_networks":true,"acceleration":"KVM","host":"h","username":"u",
        "private_key":"/k","agent":{"mbus":"m","ntp":["a","b"],"blobstore":{"provider":"local","options":{}}}})");
    CHECK(config.hypervisor.row->name == "lxc");
    CHECK(config.uri == "lxc:///");
    CHECK(config.bin_path == "/opt/virsh");
    CHECK(config.storage_controller == StorageController::sata);
    CHECK(config.auto_enable_networks);
    CHECK(config.acceleration == Acceleration::kvm);
    CHECK(config.host.text == "h");
    CHECK(config.username == "u");
    CHECK(config.private_key.reveal() == "/k");
    CHECK(config.agent.ntp == std::vector<std::string>{"a", "b"});
    CHECK(config.agent.blobstore->text == R"({"provider":"local","options":{}})");
}

TEST_CASE("persistent disks are on the storage controller only if it is strict")
{
    const auto bus = [](std::string_view members) { return read(with(members)).persistent_bus(); };
    CHECK(bus(R"("storage_controller":"SATA")") == Bus::scsi);
    CHECK(bus(R"("storage_controller":"SATA","strict_controller":false)") == Bus::scsi);
    CHECK(bus(R"("storage_controller":"SATA","strict_controller":true)") == Bus::sata);
    CHECK(bus(R"("storage_controller":"IDE","strict_controller":true)") == Bus::ide);
    CHECK(bus(R"("storage_controller":"SCSI","strict_controller":true)") == Bus::scsi);
    CHECK(bus(R"("strict_controller":true)") == Bus::scsi);
    CHECK(bus(R"("hypervisor":"vbox","storage_controller":"IDE")") == Bus::sata);
}

TEST_CASE("the example configurations are valid")
{
    const std::filesystem::path folder = std::filesystem::path{SOURCE_DIR} / "config";
    if (!std::filesystem::exists(folder))
        return;
    for (const auto& entry : std::filesystem::directory_iterator{folder})
        if (entry.path().extension() == ".json") {
            CAPTURE(entry.path().native());
            const Caught result = caught([&] { return read(read_file(entry.path())).connection_uri(); });
            CHECK(result.what == "(nothing was thrown)");
        }
}

TEST_CASE("a wrong value is refused with the key, what it holds, and what is allowed")
{
    struct Case {
        std::string_view members;
        std::vector<std::string_view> says;
    };
    const std::vector<Case> cases{
        {R"("hypervisor":"kvm")",
         {"hypervisor: expected one of qemu, vbox, lxc, xen, vmware, got the string \"kvm\""}},
        {R"("hypervisor":1)", {"hypervisor: expected one of", "got the number 1"}},
        {R"("uri":1)", {"uri: expected a string, got the number 1"}},
        {R"("bin_path":[])", {"bin_path: expected a string, got an array"}},
        {R"("store_dir":"relative/path")",
         {"store_dir: expected an absolute path, got the string \"relative/path\""}},
        {R"("store_dir":"/a\u0000b")", {"store_dir: expected an absolute path"}},
        {R"("store_dir":17)", {"store_dir: expected an absolute path, got the number 17"}},
        {R"("store_dir":null)", {"store_dir: expected an absolute path, got null"}},
        {R"("storage_controller":"nvme")",
         {"storage_controller: expected one of IDE, SCSI, SATA, virtio", "\"nvme\""}},
        {R"("storage_controller":false)", {"storage_controller: expected one of", "got false"}},
        {R"("strict_controller":1)", {"strict_controller: expected true or false, got the number 1"}},
        {R"("strict_controller":true,"hypervisor":"xen")",
         {"strict_controller: expected false", "one place only on xen"}},
        {R"("auto_enable_networks":"true")",
         {"auto_enable_networks: expected true or false, got the string \"true\""}},
        {R"("acceleration":"tcg")", {"acceleration: expected one of auto, kvm, emulation", "\"tcg\""}},
        {R"("agent":"nats")", {"agent: expected an object"}},
        {R"("agent":null)", {"agent: expected an object, got null"}},
        {R"("agent":{"mbus":null})", {"agent.mbus: expected a string, got null"}},
        {R"("agent":{"mbus":17})", {"agent.mbus: expected a string, got a number"}},
        {R"("agent":{"ntp":"0.pool.ntp.org"})", {"agent.ntp: expected an array, got the string"}},
        {R"("agent":{"ntp":["a",2]})", {"agent.ntp[1]: expected a string, got the number 2"}},
        {R"("host":{})", {"host: expected a host name or an IP address, got an object"}},
        {R"("host":"-oProxyCommand=x")", {"host: expected a host name or an IP address"}},
        {R"("host":"h h")", {"host: expected a host name or an IP address"}},
        {R"("port":0)", {"port: expected a whole number from 1 to 65535"}},
        {R"("trust_any_host_key":"true")", {"trust_any_host_key: expected true or false"}},
        {R"("host":"h","private_key":"k")", {"username: required, since host is set"}},
        {R"("host":"h","username":"u")", {"private_key: required, since host is set"}},
        {R"("uri":"qemu+ssh://h/system")", {"uri: it names the host 'h', and 'host' is not set"}},
        {R"("host":"h","username":"u","private_key":"k","uri":"qemu+ssh://other/system")",
         {"uri: its host is 'other', and that of the configuration is 'h'"}},
        {R"("host":"h","username":"u","private_key":"k","uri":"qemu+ssh://v@h/system")",
         {"uri: its user is 'v'"}},
        {R"("host":"h","username":"u","private_key":"k","uri":"qemu+ssh://h:23/system")",
         {"uri: its port is '23'"}},
        {R"("tls":{"ca":"a","certificate":"b","private_key":"c"})",
         {"tls: it is for a uri such as qemu+tls://HOST/system, and the uri is qemu:///system"}},
        {R"("tls":{"ca":"a"})", {"tls.certificate: expected a string, got nothing"}},
        {R"("host":"h","username":"u","private_key":"k","uri":"qemu+tls://h/system?pkipath=/p",
            "tls":{"ca":"a","certificate":"b","private_key":"c"})",
         {"tls: the uri names a pkipath, too"}},
        {R"("host":"h","username":"u","private_key":"k","uri":"qemu+tcp://h:16509/system")",
         {"uri: by +tcp nothing is encrypted", "Try: ", "+tls", "allow_insecure_tcp: true"}},
        {R"("host":"h","username":"u","private_key":"k","uri":"qemu+TCP://h/system")",
         {"uri: by +tcp nothing is encrypted"}},
        {R"("host":"h","username":"u","private_key":"k","uri":"qemu+tcp://other/system",
            "allow_insecure_tcp":true)",
         {"uri: its host is 'other', and that of the configuration is 'h'"}},
        {R"("uri":"qemu+tcp://h/system","allow_insecure_tcp":true)",
         {"uri: it names the host 'h', and 'host' is not set"}},
        {R"("allow_insecure_tcp":"yes")", {"allow_insecure_tcp: expected true or false"}},
        {R"("ssh_patience":4)", {"ssh_patience: expected a whole number from 5 to 3600"}},
        {R"("username":1)", {"username: expected a string, got the number 1"}},
        {R"("private_key":["sesame"])", {"private_key: expected a string, got an array"}},
    };
    for (const auto& [members, says] : cases) {
        const std::string text = error(with(members));
        for (const auto part : says)
            check_says(text, {part});
    }
}

TEST_CASE("containers have ids of their own where they are given, and nothing else has")
{
    CHECK_FALSE(read(with(R"("hypervisor":"lxc")")).idmap);
    const Config usual = read(with(R"("hypervisor":"lxc","idmap":{"first":100000})"));
    CHECK(usual.idmap == IdMap{{100'000}, {65536}});
    const Config last = read(with(R"("hypervisor":"lxc","idmap":{"first":4294867295,"count":100000})"));
    CHECK(last.idmap == IdMap{{4'294'867'295}, {100'000}});
    CHECK_FALSE(read(with(R"("hypervisor":"qemu","idmap":null)")).idmap);

    for (const auto* hypervisor : {"qemu", "vbox", "xen", "vmware"})
        check_says(
            error(with(concat(R"("hypervisor":")", hypervisor, R"(","idmap":{"first":100000})"))),
            {"idmap: it is for containers (hypervisor lxc), and the hypervisor is ", hypervisor, "Try: "});
    const auto refusal = [](std::string_view idmap) {
        return error(with(concat(R"("hypervisor":"lxc","idmap":)", idmap)));
    };
    check_says(refusal("{}"), {"idmap.first: expected a whole number from 65536 to", "got nothing"});
    check_says(refusal(R"({"first":1000})"), {"idmap.first: expected a whole number from 65536 to"});
    check_says(refusal(R"({"first":100000,"count":1000})"),
               {"idmap.count: expected a whole number from 65536 to"});
    check_says(refusal(R"({"first":4294867295,"count":100001})"),
               {"idmap.count: expected at most 100000 ids after that first one, got the number 100001"});
    check_says(refusal(R"({"first":100000,"cuont":65536})"), {"idmap.cuont: no such key", "count"});
    check_says(refusal("true"), {"idmap: expected an object, got a boolean"});
}

TEST_CASE("a blobstore that is no object is refused, for the agent would not start")
{
    for (const auto* blobstore : {"17", "\"local\"", "[]"})
        CHECK(caught([&] {
                  return read(with(concat(R"("agent":{"blobstore":)", blobstore, "}"))).uri;
              }).kind == ErrorKind::cpi);
}

TEST_CASE("a store_dir of two lines is refused")
{
    CHECK(caught([] { return read(with(R"("store_dir":"/a\nb")")).uri; }).kind == ErrorKind::cpi);
}

TEST_CASE("what is required must be there")
{
    check_says(error("{}"), {"store_dir: expected an absolute path, got nothing"});
    check_says(error(R"({"store_dir":"/s"})"), {"agent: expected an object, got nothing"});
    check_says(error(R"({"store_dir":"/s","agent":{}})"), {"agent.mbus: expected a string, got nothing"});
}

TEST_CASE("what is no configuration is refused with where it is wrong")
{
    check_says(error("{\n\"a\":}"), {"it is not JSON: ", "line 2, column 5"});
    check_says(error(""), {"it is not JSON"});
    check_says(error("[]"), {"the configuration: expected an object, got an array"});
    check_says(error("null"), {"the configuration: expected an object, got null"});
}

TEST_CASE("a misspelt or unknown key is refused")
{
    check_says(error(with(R"("stor_dir":"/x")")), {"stor_dir: no such key; did you mean 'store_dir'?"});
    check_says(error(with(R"("hypervizor":"qemu")")), {"did you mean 'hypervisor'?"});
    check_says(error(with(R"("storageController":"SCSI")")), {"did you mean 'storage_controller'?"});
    check_says(error(with(R"("agent":{"npt":[]})")), {"agent.npt: no such key; did you mean 'ntp'?"});
    check_says(error(with(R"("vcenters":[])")),
               {"vcenters: no such key; the keys here are hypervisor, uri, "});
    check_says(error(with(R"("agent":{"registry":{}})")),
               {"agent.registry: no such key; the keys here are mbus, ntp, "});
}

TEST_CASE("the request's context wins over the file, key by key and deep down")
{
    const std::string file =
        with(R"("uri":"qemu:///system","agent":{"ntp":["a"],"blobstore":{"provider":"dav",
        "options":{"endpoint":"e","user":"u"}}})");
    const Config config = read(file, R"({"director_uuid":"d","store_dir":"/other","storage_controller":"IDE",
                       "agent":{"ntp":["b","c"],"blobstore":{"options":{"user":"v"}}}})");
    CHECK(config.store_dir.text == "/other");
    CHECK(config.storage_controller == StorageController::ide);
    CHECK(config.uri == "qemu:///system");
    CHECK(config.agent.mbus.reveal() == "nats://10.0.0.6:4222");
    CHECK(config.agent.ntp == std::vector<std::string>{"b", "c"});
    CHECK(config.agent.blobstore->text == R"({"provider":"dav","options":{"endpoint":"e","user":"v"}})");
}

TEST_CASE("what the context holds besides configuration is ignored")
{
    const Config config =
        read(least, R"({"director_uuid":"d","request_id":"cpi-1","vm":{"stemcell":{"api_version":3}},
        "stemcell":{},"url":"x","stor_dir":"/x","anything":[1]})");
    CHECK(config.store_dir.text == "/srv/store");
    CHECK(config.uri.empty());
    CHECK(read(least, "null").store_dir.text == "/srv/store");
}

TEST_CASE("a wrong value in the context is refused as one in the file is")
{
    check_says(error(least, R"({"store_dir":"relative"})"), {"store_dir: expected an absolute path"});
    check_says(error(least, R"({"agent":{"nt":[]}})"), {"agent.nt: no such key; did you mean 'ntp'?"});
}

TEST_CASE("the context may complete what the file lacks")
{
    CHECK(read("{}", least).store_dir.text == "/srv/store");
}

TEST_CASE("network_aliases name where NICs are plugged in, from the file and from the context")
{
    const Config config =
        read(with(R"("network_aliases":{"nat":{"network":"default"},"x":{"bridge":"br0"}})"),
             R"({"network_aliases":{"more":{"direct":"eth0","direct_mode":"vepa"}}})");
    REQUIRE(config.network_aliases.size() == 3);
    CHECK(source_of(config.network_aliases.at("nat")) == NicSource{NicSource::Kind::network, "default"});
    CHECK(source_of(config.network_aliases.at("more")) ==
          NicSource{NicSource::Kind::direct, "eth0", {}, DirectMode::vepa});
}

TEST_CASE("an alias that is no place is refused")
{
    const auto with_alias = [](std::string_view place) {
        return error(with(concat(R"("network_aliases":{"nat":)", place, "}")));
    };
    check_says(with_alias("{}"), {"network_aliases.nat: expected one of network, bridge and direct"});
    check_says(with_alias(R"({"network":"n","bridge":"b"})"), {"network_aliases.nat", "'n'", "'b'"});
    check_says(with_alias(R"({"mtu":1400})"), {"network_aliases.nat.mtu: no such key"});
    check_says(with_alias("\"default\""), {"network_aliases.nat: expected an object"});
    check_says(with_alias(R"({"type":"nat"})"), {"network_aliases.nat: 'type' is not possible on qemu"});
    check_says(error(with(R"("hypervisor":"xen","network_aliases":{"nat":{"direct":"eth0"}})")),
               {"network_aliases.nat: 'direct' is not possible on xen"});
}

TEST_CASE("a URI of another hypervisor is refused")
{
    check_says(error(with(R"("uri":"lxc:///")")),
               {"uri: expected one for hypervisor qemu, such as qemu:///system, got \"lxc:///\""});
    check_says(error(with(R"("hypervisor":"xen","uri":"qemu+ssh://u@h/system")")),
               {"uri: expected one for hypervisor xen"});
    check_says(error(with(R"("uri":"test:///default")")), {"uri: expected one for"});
    for (const auto* uri : {"qemu:///session", "qemu+unix:///system?socket=/s"})
        CHECK(read(with(concat(R"("uri":")", uri, "\""))).connection_uri() == uri);
    for (const auto* uri : {"vmwareplayer:///session", "vmwarefusion:///session", "vmwarews:///session"})
        CHECK(read(with(concat(R"("hypervisor":"vmware","uri":")", uri, "\""))).connection_uri() == uri);
}

TEST_CASE("the connection follows from hypervisor, host and user")
{
    const auto uri = [](std::string_view members) { return read(with(members)).connection_uri(); };
    CHECK(uri(R"("hypervisor":"qemu")") == "qemu:///system");
    CHECK(uri(R"("hypervisor":"vbox")") == "vbox:///session");
    CHECK(uri(R"("hypervisor":"lxc")") == "lxc:///");
    CHECK(uri(R"("hypervisor":"xen")") == "xen:///");
    CHECK(uri(R"("hypervisor":"vmware")") == "vmware:///session");
    const auto remote = [&](std::string_view members) {
        return uri(concat(R"("username":"bosh","private_key":"k",)", members));
    };
    CHECK(remote(R"("host":"h.example")") == "qemu+ssh://bosh@h.example/system");
    CHECK(remote(R"("host":"h.example","port":2222)") == "qemu+ssh://bosh@h.example:2222/system");
    CHECK(remote(R"("hypervisor":"lxc","host":"h")") == "lxc+ssh://bosh@h/");
    CHECK(remote(R"("hypervisor":"xen","host":"fd00::5")") == "xen+ssh://bosh@[fd00::5]/");
    CHECK(remote(R"("hypervisor":"xen","host":"[fd00::5]")") == "xen+ssh://bosh@[fd00::5]/");
    CHECK(remote(R"("hypervisor":"vbox","host":"h")") == "vbox+ssh://bosh@h/session");
    CHECK(remote(R"("uri":"qemu:///system?socket=/s","host":"h")") == "qemu+ssh://bosh@h/system?socket=/s");
    CHECK(remote(R"("uri":"qemu+tls://h/system","host":"h")") == "qemu+tls://h/system");
    CHECK(remote(R"("uri":"qemu+tls://h:16514/system","host":"h")") == "qemu+tls://h:16514/system");
    CHECK(remote(R"("uri":"qemu://h:16514/system","host":"h")") == "qemu://h:16514/system"); // by TLS, too
    CHECK(remote(R"("uri":"qemu+tcp://h:16509/system","host":"h","allow_insecure_tcp":true)") ==
          "qemu+tcp://h:16509/system");
}

TEST_CASE("no error shows a secret of the configuration")
{
    for (const auto* members : {R"("agent":{"mbus":["sesame-1"]})", R"("agent":{"mbus":{"a":"sesame-1"}})",
                                R"("private_key":{"key":"sesame-1"})", R"("private_key":["sesame-1"])"})
        check_hides(error(with(members)), "sesame-1");
}

TEST_CASE("a message bus in the place of the whole agent is not shown")
{
    check_hides(error(with(R"("agent":"nats://user:sesame-1@10.0.0.6:4222")")), "sesame-1");
}

TEST_CASE("the redactor is told of each secret, and of the password within a URL")
{
    Redactor redactor;
    hide_secrets(redactor,
                 read(with(
                     R"("private_key":"KEY-MATERIAL","host":"h","username":"u","uri":"qemu+tls://h/system",
            "tls":{"ca":"a","certificate":"b","private_key":"TLS-MATERIAL"},"agent":{"mbus":"nats://user:sesame-1@10.0.0.6:4222"})")));
    CHECK(redactor.clean("nats://user:sesame-1@10.0.0.6:4222") == "<redacted>");
    CHECK(redactor.clean("the word is sesame-1.") == "the word is <redacted>.");
    CHECK(redactor.clean("KEY-MATERIAL") == "<redacted>");
    CHECK(redactor.clean("TLS-MATERIAL") == "<redacted>");
    CHECK(redactor.clean("10.0.0.6 is public") == "10.0.0.6 is public");
}

TEST_CASE("a password with signs of its own is hidden")
{
    Redactor redactor;
    hide_secrets(redactor, read(with(R"("agent":{"mbus":"https://mbus:se:s@me-1@0.0.0.0:6868"})")));
    CHECK(redactor.clean("se:s@me-1") == "<redacted>");
}

TEST_CASE("a bus without a password hides no part of its own")
{
    for (const auto* mbus : {"nats://10.0.0.6:4222", "nats://user@10.0.0.6:4222", "no url", "a@b:c"}) {
        Redactor redactor;
        hide_secrets(redactor, read(with(concat(R"("agent":{"mbus":")", mbus, "\"}"))));
        CHECK(redactor.clean("10.0.0.6 4222 user@10 nats://") == "10.0.0.6 4222 user@10 nats://");
    }
}

TEST_CASE("the secrets of a blobstore are hidden")
{
    Redactor redactor;
    hide_secrets(redactor,
                 read(with(R"("agent":{"blobstore":{"provider":"dav","options":{"password":"sesame-1"}}})")));
    CHECK(redactor.clean("sesame-1") == "<redacted>");
}

TEST_CASE("a configuration file that is not there is an error that names it")
{
    const TempDir folder;
    const std::string file = folder.write("cpi.json", std::string{least});
    CHECK(read_config_file(file) == least);
    const Caught absent = caught([&] { return read_config_file("/no/such/cpi.json"); });
    CHECK(absent.kind == ErrorKind::cpi);
    CHECK(absent.what == "configuration /no/such/cpi.json: no such file");
}

TEST_CASE("the configuration's schema is JSON, names every key, and says what each is for")
{
    const json::Document document = json::parse(schema_of("config"), "the schema");
    const json::Place schema = json::root(document);
    CHECK(schema.at("type").string() == "object");
    CHECK(schema.at("required").verbatim().text == R"(["store_dir","agent"])");
    CHECK_FALSE(schema.at("additionalProperties").boolean());
    const auto properties = schema.at("properties").members();
    CHECK(properties.size() == json::keys<Config>().size());
    for (const auto& property : properties) {
        CAPTURE(property.first);
        CHECK_FALSE(property.second.at("description").string().empty());
    }
    CHECK(schema.at("properties").at("agent").at("properties").at("ntp").at("items").at("type").string() ==
          "string");
    CHECK(schema.at("properties").at("acceleration").at("enum").verbatim().text ==
          R"(["auto","kvm","emulation"])");
}

} // namespace cpi::test
