#include "storage/image.h"

#include "base/error.h"
#include "json/json.h"

namespace cpi::image {

namespace {

constexpr auto most_bytes = std::int64_t{1} << 62U;

} // namespace

void create(Host& host, const Path& file, std::string_view format, Mebibytes size)
{
    run_ok(host, {{"qemu-img", "create", "-q", "-f", std::string{format}, file.native(),
                   std::to_string(size.bytes())}});
}

void create_overlay(Host& host, const Path& file, std::string_view base, std::string_view base_format,
                    std::optional<Mebibytes> size)
{
    Command command{{"qemu-img", "create", "-q", "-f", "qcow2", "-F", std::string{base_format}, "-b",
                     std::string{base}, file.native()}};
    if (size)
        command.argv.push_back(std::to_string(size->bytes()));
    run_ok(host, command);
}

void convert(Host& host, const Path& from, std::string_view from_format, const Path& to,
             std::string_view to_format)
{
    constexpr std::chrono::hours patience{1};
    run_ok(host, {{"qemu-img", "convert", "-f", std::string{from_format}, "-O", std::string{to_format},
                   from.native(), to.native()},
                  patience});
}

void resize(Host& host, const Path& file, std::string_view format, Mebibytes size)
{
    run_ok(host, {{"qemu-img", "resize", "-q", "-f", std::string{format}, file.native(),
                   std::to_string(size.bytes())}});
}

std::uint64_t virtual_size(Host& host, const Path& file, std::string_view format)
{
    const std::string text =
        run_ok(host, {{"qemu-img", "info", "-U", "--output=json", "-f", std::string{format}, file.native()}});
    const json::Document info = json::parse(text, concat("what qemu-img says of ", file.native()));
    return static_cast<std::uint64_t>(json::root(info).at("virtual-size").integer(0, most_bytes));
}

void check(Host& host, const Path& file, std::string_view format)
{
    // Leaked clusters (status 3) waste space and do no harm.
    constexpr int leaks = 3;
    const Command command{{"qemu-img", "check", "-q", "-f", std::string{format}, file.native()}};
    const Output output = host.run(command);
    if (output.status != 0 && output.status != leaks)
        throw Error{ErrorKind::cloud, concat(file.filename().native(), " is damaged: qemu-img check says: ",
                                             trim(concat(output.err, output.out)))};
}

} // namespace cpi::image
