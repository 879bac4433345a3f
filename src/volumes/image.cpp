#include "volumes/image.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "json/json.h"

#include <algorithm>
#include <array>

namespace cpi::image {

namespace {

using Words = std::vector<std::string>;

constexpr std::chrono::hours longest_copy{1};
constexpr auto most_bytes = std::int64_t{1} << 62U;
/// A key of 256 random bits needs no stretching, which would cost seconds at each opening.
constexpr std::string_view stretching = "iter-time=10";

constexpr std::string_view vmdk = "vmdk";
/// What VMware writes to as it is, on a SCSI controller.
constexpr std::array<std::string_view, 2> vmdk_options{"subformat=monolithicSparse", "adapter_type=lsilogic"};
/// What qemu-img makes and fills, but neither grows nor lays out in full.
constexpr std::array<std::string_view, 2> plain_formats{vmdk, "vdi"};

bool is_plain(const Image& image)
{
    return std::ranges::find(plain_formats, image.format) != plain_formats.end();
}

/// qemu-img with the key, if there is one, on its stdin.
Command qemu_img(std::string_view verb, const std::optional<Secret>& key, const Words& words)
{
    Command command{{"qemu-img", std::string{verb}}};
    if (key) {
        command.argv.insert(command.argv.end(), {"--object", "secret,id=key,file=/dev/stdin"});
        command.input = *key;
    }
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    return command;
}

/// Before it begins with an encrypted image, qemu-img measures how fast it stretches keys. Where the kernel
/// counts CPU time by ticks that fails at once now and then, on a busy machine many times in a row.
void run_patiently(Host& host, const Command& command)
{
    constexpr std::chrono::minutes patience{5};
    for (const Deadline deadline{patience};;) {
        try {
            run_ok(host, command);
            return;
        } catch (const Error& error) {
            if (deadline.passed() ||
                error.message().find("Unable to get accurate CPU usage") == std::string::npos)
                throw;
        }
    }
}

/// The words that name an existing image.
Words existing(const Image& image)
{
    if (!image.key)
        return {"-f", image.format, image.file.native()};
    json::Writer out;
    out.begin_object();
    if (image.format == "raw")
        out.key("driver").string("luks").key("key-secret").string("key");
    else
        out.key("driver").string(image.format).key("encrypt.key-secret").string("key");
    out.key("file.driver").string("file").key("file.filename").string(image.file.native());
    out.end_object();
    return {concat("json:", out.text())};
}

/// The words that say what a new image is to be, but for its name.
Words described(std::string_view format_option, const Image& image, Preallocation preallocation)
{
    const bool is_raw = image.format == "raw";
    const std::string_view prefix = is_raw ? "" : "encrypt.";
    Words options;
    if (image.format == vmdk)
        options.assign(vmdk_options.begin(), vmdk_options.end());
    if (image.key && !is_raw)
        options.emplace_back("encrypt.format=luks");
    if (image.key)
        options.insert(options.end(), {concat(prefix, "key-secret=key"), concat(prefix, stretching)});
    if (preallocation != Preallocation::off && !is_plain(image))
        options.push_back(concat("preallocation=", word_of(preallocation)));
    Words words{std::string{format_option}, is_raw && image.key ? "luks" : image.format};
    if (!options.empty())
        words.insert(words.end(), {"-o", join(options, ",")});
    return words;
}

/// The place of the text in a VMDK that says what it consists of, in bytes.
struct Descriptor {
    std::size_t at = 0;
    std::size_t size = 0;
};

constexpr std::size_t vmdk_sector = 512;

/// Nothing when the file does not begin as a VMDK with its descriptor in it does.
std::optional<Descriptor> find_descriptor(std::string_view start)
{
    if (!start.starts_with("KDMV") || start.size() < vmdk_sector)
        return std::nullopt;
    const std::uint64_t sector = little_endian(start.substr(28, 8));
    const std::uint64_t sectors = little_endian(start.substr(36, 8));
    const std::uint64_t most = start.size() / vmdk_sector;
    if (sector == 0 || sector >= most || sectors == 0 || sectors > most - sector)
        return std::nullopt;
    return Descriptor{sector * vmdk_sector, sectors * vmdk_sector};
}

/// A VMDK has its own file's name in it, by which VMware opens it.
void name_vmdk(Host& host, const Path& file)
{
    constexpr std::size_t header_bytes = std::size_t{64} * 1024;
    constexpr std::string_view before_name = " SPARSE \"";
    const std::string start = host.read_start(file, header_bytes).value_or("");
    const Descriptor place = find_descriptor(start).value_or(Descriptor{});
    std::string text = start.substr(place.at, place.size);
    text.resize(std::min(text.find('\0'), text.size()));
    const std::size_t name = text.find(before_name) + before_name.size();
    const std::size_t end = text.find('"', name);
    if (text.find(before_name) == std::string::npos || end == std::string::npos)
        throw Error{ErrorKind::cloud, concat(file.native(), " is not a VMDK of one file")};
    text.replace(name, end - name, file.filename().native());
    if (text.size() > place.size)
        throw Error{ErrorKind::cloud, concat(file.native(), " has no room for its name in it")};
    text.resize(place.size);
    run_ok(host, {.argv = {"dd", concat("of=", file.native()), concat("obs=", vmdk_sector),
                           concat("seek=", place.at / vmdk_sector), "conv=notrunc,fsync", "status=none"},
                  .input = Secret{text}});
}

/// A larger image is filled beside the one that does not grow, under the same name, and takes its place.
void replace_by_larger(Host& host, const Image& image, Mebibytes size)
{
    const Path aside = image.file.parent_path() / concat(".larger-", image.file.filename().native());
    host.discard(aside); // of a killed call
    host.make_directory(aside, Access::owner);
    const Path larger = aside / image.file.filename();
    try {
        create(host, {larger, image.format}, size);
        Command fill = qemu_img("convert", std::nullopt,
                                {"-n", "--target-is-zero", "-t", "writeback", "-f", image.format, "-O",
                                 image.format, image.file.native(), larger.native()});
        fill.patience = longest_copy;
        run_ok(host, fill);
        run_ok(host, {{"mv", "-f", "--", larger.native(), image.file.native()}});
    } catch (...) {
        const ShieldFromInterrupt shield;
        host.discard(aside);
        throw;
    }
    host.discard(aside);
}

} // namespace

void create(Host& host, const Image& image, Mebibytes size, Preallocation preallocation)
{
    Words words{"-q"};
    std::ranges::copy(described("-f", image, preallocation), std::back_inserter(words));
    words.insert(words.end(), {image.file.native(), std::to_string(size.bytes())});
    run_patiently(host, qemu_img("create", image.key, words));
}

void create_overlay(Host& host, const Image& image, std::string_view base, std::string_view base_format,
                    std::uint64_t size)
{
    Words words{"-q", "-u"};
    std::ranges::copy(described("-f", image, Preallocation::off), std::back_inserter(words));
    words.insert(words.end(), {"-F", std::string{base_format}, "-b", std::string{base}, image.file.native(),
                               std::to_string(size)});
    run_patiently(host, qemu_img("create", image.key, words));
}

void convert(Host& host, const Image& from, const Image& to, Preallocation preallocation)
{
    Words words = existing(from);
    const std::string source = std::move(words.back());
    words.pop_back();
    std::ranges::copy(described("-O", to, preallocation), std::back_inserter(words));
    words.insert(words.end(), {"-t", "writeback"}); // on the disk when it is done
    words.insert(words.end(), {source, to.file.native()});
    Command command = qemu_img("convert", from.key ? from.key : to.key, words);
    command.patience = longest_copy;
    run_patiently(host, command);
}

void copy(Host& host, const Image& from, const Path& to)
{
    host.copy(from.file, to);
    if (from.format == vmdk)
        name_vmdk(host, to);
}

void resize(Host& host, const Image& image, Mebibytes size, Preallocation preallocation)
{
    if (is_plain(image)) {
        replace_by_larger(host, image, size);
        return;
    }
    Words words{"-q", concat("--preallocation=", word_of(preallocation))};
    std::ranges::copy(existing(image), std::back_inserter(words));
    words.push_back(std::to_string(size.bytes()));
    run_ok(host, qemu_img("resize", image.key, words));
}

std::uint64_t virtual_size(Host& host, const Image& image)
{
    const std::string format = image.key && image.format == "raw" ? "luks" : image.format;
    const std::string text =
        run_ok(host, {{"qemu-img", "info", "-U", "--output=json", "-f", format, image.file.native()}});
    const json::Document info = json::parse(text, concat("what qemu-img says of ", image.file.native()));
    return static_cast<std::uint64_t>(json::root(info).at("virtual-size").integer(0, most_bytes));
}

Error cannot_shrink(std::string_view disk, std::uint64_t bytes, Mebibytes wanted)
{
    return Error{ErrorKind::not_supported, concat(disk, " has ", Mebibytes::rounded_up(bytes).count,
                                                  " MiB and cannot shrink to ", wanted.count)};
}

void check(Host& host, const Image& image)
{
    // Leaked clusters (status 3) waste space and do no harm.
    constexpr int leaks = 3;
    const Command command{{"qemu-img", "check", "-q", "-f", image.format, image.file.native()}};
    const Output output = host.run(command);
    if (output.status != 0 && output.status != leaks)
        throw Error{ErrorKind::cloud,
                    concat(image.file.filename().native(),
                           " is damaged: qemu-img check says: ", trim(concat(output.err, output.out)))};
}

} // namespace cpi::image
