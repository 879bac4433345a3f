#include "vmware/vmrun.h"

#include "base/error.h"
#include "base/text.h"
#include "virt/uri.h"

#include <algorithm>
#include <array>

namespace cpi {

namespace {

struct Product {
    std::string_view driver;  // of libvirt
    std::string_view word;    // of vmrun
    std::string_view program; // that is beside vmrun, and that libvirt asks for the version
    bool can_suspend;
};
/// What is installed twice, as Player is with Workstation, is the first one.
constexpr std::array products{
    Product{"vmwarews", "ws", "vmware", true},
    Product{"vmwareplayer", "player", "vmplayer", false},
    Product{"vmwarefusion", "fusion", "vmware-vmx", true},
};

constexpr std::string_view advice =
    "Try: install VMware Workstation, Player or Fusion on the hypervisor's host, or put its vmrun into PATH";

const Product& product_of(std::string_view uri)
{
    const auto found = std::ranges::find(products, uri_driver(uri), &Product::driver);
    if (found == products.end())
        throw Error{ErrorKind::cpi, concat("'", uri, "' is no URI of VMware")};
    return *found;
}

/// The program itself, not a link to it.
Path find_vmrun(Host& host)
{
    const Output found = host.run({{"sh", "-c", R"(vmrun=$(command -v vmrun) && readlink -f "$vmrun")"}});
    if (found.status != 0)
        throw Error{ErrorKind::cloud, concat("there is no program 'vmrun' in PATH. ", advice)};
    return trim(found.out);
}

std::string last_folder_and_name(const Path& file)
{
    return (file.parent_path().filename() / file.filename()).native();
}

} // namespace

Vmrun::Vmrun(Host& host, std::string_view uri)
    : host_{host}, product_{product_of(uri).word}, can_suspend_{product_of(uri).can_suspend}
{
}

Command Vmrun::command(std::string_view verb, const Path& vmx, std::string_view how) const
{
    Command command{{"vmrun", "-T", product_, std::string{verb}, vmx.native()}};
    if (!how.empty())
        command.argv.emplace_back(how);
    return command;
}

void Vmrun::run(std::string_view doing, std::string_view verb, const Path& vmx, std::string_view how)
{
    const Command command = this->command(verb, vmx, how);
    const Output output = host_.run(command);
    if (output.status != 0)
        throw Error{ErrorKind::cloud, concat(doing, " ", vmx.stem().native(),
                                             ": vmrun says: ", trim(concat(output.out, output.err)),
                                             ". Try: ", join(command.argv, " "))};
}

bool Vmrun::runs(const Path& vmx)
{
    const std::string list = run_ok(host_, {{"vmrun", "-T", product_, "list"}});
    // By its end, which no other VM has: what is before it may be written otherwise, where it is a link.
    const std::string wanted = concat("/", last_folder_and_name(vmx));
    const auto lines = split(list, '\n');
    return std::ranges::any_of(lines, [&](const std::string& line) { return trim(line).ends_with(wanted); });
}

bool Vmrun::stop_softly(const Path& vmx, std::chrono::seconds patience)
{
    // In a guest that still starts VMware's tools do not run yet; in some they never do.
    constexpr std::chrono::seconds patience_for_tools{20};
    const Deadline deadline{patience};
    bool is_asked = false;
    const auto ask = [&] {
        Command stop = command("stop", vmx, "soft");
        stop.patience =
            std::max(std::chrono::ceil<std::chrono::seconds>(deadline.left()), std::chrono::seconds{1});
        try {
            is_asked = host_.run(stop).status == 0;
        } catch (const Error&) { // the guest did not do it in time
            check_interrupt();
        }
        return is_asked || deadline.passed() || !runs(vmx);
    };
    static_cast<void>(wait_until(Deadline{std::min(patience, patience_for_tools)}, ask));
    return wait_until(is_asked ? deadline : Deadline{std::chrono::seconds{0}}, [&] { return !runs(vmx); });
}

void Vmrun::stop(const Path& vmx)
{
    constexpr std::chrono::seconds patience{60};
    const Output output = host_.run(command("stop", vmx, "hard")); // it may not run, or just have ended
    if (!wait_until(Deadline{patience}, [&] { return !runs(vmx); }))
        throw Error{ErrorKind::cloud,
                    concat("stopping VM ", vmx.stem().native(),
                           ": it still runs. vmrun says: ", trim(concat(output.out, output.err)),
                           ". Try: end the process vmware-vmx that has ", vmx.native())};
}

void Vmrun::suspend(const Path& vmx)
{
    constexpr std::chrono::minutes patience{5};
    run("suspending VM", "suspend", vmx, {});
    if (!wait_until(Deadline{patience}, [&] { return !runs(vmx); }))
        throw Error{ErrorKind::cloud, concat("suspending VM ", vmx.stem().native(), ": it still runs after ",
                                             patience.count(), " min")};
}

void Vmrun::resume(const Path& vmx)
{
    if (!runs(vmx))
        run("resuming VM", "start", vmx, "nogui");
}

std::string find_vmware(Host& host, std::string_view uri)
{
    constexpr std::string_view any = "vmware";
    const Path folder = find_vmrun(host).parent_path();
    if (uri_driver(uri) != any)
        return std::string{uri};
    for (const Product& product : products)
        if (host.info(folder / product.program))
            return concat(product.driver, uri.substr(any.size()));
    throw Error{ErrorKind::cloud,
                concat(folder.native(), " has vmrun, but none of vmware, vmplayer and vmware-vmx. ", advice)};
}

} // namespace cpi
