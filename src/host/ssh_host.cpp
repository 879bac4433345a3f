#include "host/ssh_host.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/units.h"
#include "host/upload.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>

namespace cpi {

namespace {

/// A shell has one digit for the files that it keeps open; the first three are its own.
constexpr unsigned first_descriptor = 3;
constexpr unsigned last_descriptor = 9;
/// What a program must not inherit: a service that it starts would hold the locks.
constexpr std::string_view close_locks = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-";

constexpr int overrun = 137; // timeout's status when it ended a program by SIGKILL

std::string word(const Path& path)
{
    return remote_word(path.native());
}

std::string chmod_mode(Access access)
{
    return access == Access::owner ? "600" : "644";
}

/// As a shell's programs say it in English.
bool says_absent(const Output& answer)
{
    return trim(answer.err).ends_with("No such file or directory");
}

Error failure(const std::string& doing, const Output& answer)
{
    const std::string reason = trim(answer.err);
    return programs_error(doing, reason.empty() ? concat("status ", answer.status) : reason);
}

template <class Number>
Number number(std::string_view text, int base = 10)
{
    Number value{};
    std::from_chars(text.data(), text.data() + text.size(), value, base);
    return value;
}

Error not_run(const Command& command, const Output& answer)
{
    constexpr int not_found = 127;
    const std::string& program = command.argv.front();
    if (answer.status == not_found && program.find('/') == std::string::npos)
        return no_such_program(program);
    const auto words = split(trim(answer.err), ':');
    return Error{ErrorKind::cloud, concat("cannot run '", join(command.argv, " "), "':", words.back())};
}

std::string sync_parent(const Path& path)
{
    return concat("sync -- ", word(path.parent_path()));
}

} // namespace

class SshHost::Lock final : public HeldLock {
public:
    Lock(SshHost& host, unsigned descriptor)
        : host_{host}, descriptor_{descriptor}, connection_{host.connection_}
    {
    }
    ~Lock() override { host_.release(descriptor_, connection_); }

private:
    SshHost& host_;
    unsigned descriptor_;
    unsigned connection_;
};

SshSession& SshHost::session()
{
    if (!session_)
        session_.emplace(find_address_());
    return *session_;
}

Output SshHost::ask(std::string_view script, const Secret& input)
{
    try {
        if (!shell_)
            shell_.emplace(session());
        return shell_->run(script, input);
    } catch (...) {
        // What comes next, such as undoing, begins anew.
        if (shell_ && session_->is_alive())
            shell_->end();
        shell_.reset();
        session_.reset();
        descriptors_.clear();
        ++connection_;
        throw;
    }
}

std::string SshHost::demand(const std::string& doing, std::string_view script, const Secret& input)
{
    Output answer = ask(script, input);
    if (answer.status != 0)
        throw failure(doing, answer);
    return std::move(answer.out);
}

std::optional<std::string> SshHost::inquire(const std::string& doing, std::string_view script)
{
    Output answer = ask(script);
    if (answer.status == 0)
        return std::move(answer.out);
    if (says_absent(answer))
        return std::nullopt;
    throw failure(doing, answer);
}

Output SshHost::run(const Command& command)
{
    std::string line = concat("(", close_locks, "; exec timeout -s KILL ", command.patience.count());
    for (const auto& each : command.argv)
        line += concat(" ", remote_word(each));
    const Deadline deadline{command.patience};
    Output answer = ask(concat(line, ")"), command.input);
    if (answer.err.starts_with("timeout: failed to run command"))
        throw not_run(command, answer);
    if (answer.status == overrun && deadline.passed())
        throw Error{ErrorKind::cloud, concat("'", join(command.argv, " "), "' did not end within ",
                                             command.patience.count(), " s")};
    return answer;
}

std::optional<std::string> SshHost::read_start(const Path& file, std::size_t bytes)
{
    return inquire(concat("reading ", file.native()), concat("head -c ", bytes, " -- ", word(file)));
}

std::optional<FileInfo> SshHost::info(const Path& path)
{
    const auto found =
        inquire(concat("looking at ", path.native()), concat("stat -c '%f %s' -- ", word(path)));
    if (!found)
        return std::nullopt;
    constexpr int hexadecimal = 16;
    constexpr unsigned type_bits = 0170000;
    constexpr unsigned regular = 0100000;
    constexpr unsigned directory = 0040000;
    const auto fields = split(trim(*found), ' ');
    const unsigned type = number<unsigned>(fields.front(), hexadecimal) & type_bits;
    using Kind = FileInfo::Kind;
    const Kind kind = type == regular ? Kind::file : type == directory ? Kind::directory : Kind::other;
    return FileInfo{kind, number<std::uint64_t>(fields.back())};
}

std::vector<std::string> SshHost::list(const Path& directory)
{
    return find(directory, "");
}

std::vector<std::string> SshHost::links(const Path& directory)
{
    return find(directory, "-type l");
}

std::vector<std::string> SshHost::find(const Path& directory, std::string_view what)
{
    const auto found =
        inquire(concat("listing ", directory.native()),
                concat("find ", word(directory / ""), " -mindepth 1 -maxdepth 1 ", what, " -printf '%f\\0'"));
    auto names = split(found.value_or(""), '\0');
    names.pop_back(); // what is behind the last end
    return names;
}

Space SshHost::space(const Path& path)
{
    const std::string found = demand(concat("looking at the file system of ", path.native()),
                                     concat("stat -f -c '%S %b %a' -- ", word(path)));
    const auto fields = split(trim(found), ' ');
    const auto field = [&](std::size_t index) { return number<std::uint64_t>(fields.at(index)); };
    return {field(0) * field(1), field(0) * field(2)};
}

void SshHost::make_directory(const Path& directory, Access access)
{
    // The hypervisor's own user must be able to pass through, but not to look around.
    const std::string_view mode = access == Access::everyone ? "711" : "700";
    demand(concat("making the directory ", directory.native()),
           concat("mkdir -m ", mode, " -- ", word(directory), " || [ -e ", word(directory), " ]"));
}

void SshHost::publish(const Path& file, std::string_view bytes, Access access)
{
    const Path staging = file.parent_path() / concat(".new-", file.filename().native());
    const std::string s = word(staging);
    demand(concat("writing ", file.native()),
           concat("rm -rf -- ", s, "; { cat >", s, " && [ \"$(stat -c %s -- ", s, ")\" = ", bytes.size(),
                  " ] && chmod ", chmod_mode(access), " -- ", s, " && sync -- ", s, " && mv -fT -- ", s, " ",
                  word(file), " && ", sync_parent(file), "; } || { rm -f -- ", s, "; false; }"),
           Secret{std::string{bytes}});
}

std::unique_ptr<Sink> SshHost::create(const Path& file, Access access)
{
    demand(concat("creating ", file.native()),
           concat("(set -C; : >", word(file), ") && chmod ", chmod_mode(access), " -- ", word(file)));
    return start_upload(session(), file);
}

void SshHost::create_blank(const Path& file, std::uint64_t bytes)
{
    demand(concat("creating ", file.native()),
           concat("(set -C; : >", word(file), ") && chmod 600 -- ", word(file), " && truncate -s ", bytes,
                  " -- ", word(file), " && sync -- ", word(file)));
}

Path SshHost::bring(const Path& own, const Path& place)
{
    std::ifstream file{own, std::ios::binary};
    if (!file)
        throw system_error(concat("opening ", own.native()), errno);
    std::vector<char> block(mebibyte);
    const auto sink = create(place, Access::owner);
    while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0)
        sink->write({block.data(), static_cast<std::size_t>(file.gcount())});
    if (!file.eof())
        throw system_error(concat("reading ", own.native()), errno);
    sink->finish();
    return place;
}

void SshHost::copy(const Path& from, const Path& to)
{
    demand(concat("copying ", from.native()),
           concat("(set -C; : >", word(to), ") && cp --reflink=auto -- ", word(from), " ", word(to),
                  " && chmod 600 -- ", word(to), " && sync -- ", word(to)));
}

void SshHost::link(const Path& existing, const Path& name)
{
    demand(concat("linking ", existing.native(), " to ", name.native()),
           concat("ln -PT -- ", word(existing), " ", word(name)));
}

void SshHost::point(const Path& name, const Path& target)
{
    demand(concat("making the link ", name.native()), concat("ln -sT -- ", word(target), " ", word(name)));
}

std::optional<Path> SshHost::target_of(const Path& name)
{
    const std::string doing = concat("reading the link ", name.native());
    Output answer = ask(concat("readlink -nv -- ", word(name)));
    if (answer.status == 0)
        return Path{std::move(answer.out)};
    if (says_absent(answer) || trim(answer.err).ends_with("Invalid argument")) // which is no link
        return std::nullopt;
    throw failure(doing, answer);
}

void SshHost::rename(const Path& from, const Path& to)
{
    demand(concat("renaming ", from.native(), " to ", to.native()),
           concat("if [ -e ", word(to), " ] || [ -L ", word(to), " ]; then echo 'File exists' >&2; false; ",
                  "else mv -nT -- ", word(from), " ", word(to), " && ", sync_parent(to), "; fi"));
}

void SshHost::discard(const Path& path)
{
    const std::string name = word(path);
    const Path aside =
        path.parent_path() / concat(discarded_prefix, random_name(8), "-", path.filename().native());
    const bool is_aside = path.filename().native().starts_with(discarded_prefix);
    const std::string take_away = is_aside ? concat("rm -rf -- ", name)
                                           : concat("mv -T -- ", name, " ", word(aside), " && ",
                                                    sync_parent(path), " && rm -rf -- ", word(aside));
    static_cast<void>(inquire(concat("removing ", path.native()),
                              concat("if [ -d ", name, " ] && [ ! -L ", name, " ]; then ", take_away,
                                     "; else rm -f -- ", name, "; fi")));
}

unsigned SshHost::free_descriptor() const
{
    for (unsigned descriptor = first_descriptor; descriptor <= last_descriptor; ++descriptor)
        if (!descriptors_.contains(descriptor))
            return descriptor;
    throw Error{ErrorKind::cpi, "too many locks are held at once"};
}

/// Opens the file as that descriptor of the shell, and locks it by `script`. Whoever locks a file that was
/// meanwhile removed, or moved away with its directory, holds nothing.
SshHost::LockTry SshHost::seize(const Path& file, unsigned descriptor, std::string_view script)
{
    const std::string name = word(file);
    const auto answer =
        inquire(concat("locking ", file.native()),
                concat("command exec ", descriptor, "<>", name, " && if ", script, " ", descriptor,
                       "; then if [ \"$(stat -Lc %d:%i /proc/self/fd/", descriptor,
                       ")\" = \"$(stat -c %d:%i -- ", name, ")\" ]; then echo got; else exec ", descriptor,
                       ">&-; fi; else exec ", descriptor, ">&-; echo held; fi"));
    if (trim(answer.value_or("")) == "held")
        return LockTry::held_by_other;
    if (trim(answer.value_or("")) != "got")
        return LockTry::gone;
    descriptors_.insert(descriptor);
    return LockTry::got;
}

void SshHost::release(unsigned descriptor, unsigned connection) noexcept
{
    if (connection != connection_ || !shell_)
        return;
    descriptors_.erase(descriptor);
    try {
        shell_->tell(concat("exec ", descriptor, ">&-"));
    } catch (const std::exception&) {
        shell_.reset(); // with which all of its locks end
    }
}

std::unique_ptr<HeldLock> SshHost::lock(const Path& file, const Deadline& deadline)
{
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(deadline.left()).count();
    if (!info(file))
        return nullptr;
    const unsigned descriptor = free_descriptor();
    const LockTry outcome = seize(file, descriptor, concat("flock -w ", seconds));
    if (outcome == LockTry::held_by_other)
        throw locked_by_other(file);
    return outcome == LockTry::got ? std::make_unique<Lock>(*this, descriptor) : nullptr;
}

std::unique_ptr<HeldLock> SshHost::try_lock(const Path& file)
{
    if (!info(file))
        return nullptr;
    const unsigned descriptor = free_descriptor();
    return seize(file, descriptor, "flock -n") == LockTry::got ? std::make_unique<Lock>(*this, descriptor)
                                                               : nullptr;
}

std::unique_ptr<HeldLock> SshHost::create_locked(const Path& file)
{
    const unsigned descriptor = free_descriptor();
    const std::string lock = concat("flock -w ", patience_with_sweepers.count());
    for (;;) {
        // Somebody who sweeps may take and remove the file between its making and its locking: once more.
        const LockTry outcome = seize(file, descriptor, lock);
        if (outcome == LockTry::got)
            return std::make_unique<Lock>(*this, descriptor);
        if (outcome == LockTry::held_by_other)
            throw locked_by_other(file);
        if (!info(file.parent_path()))
            throw Error{ErrorKind::cloud, concat("creating ", file.native(), ": its directory is not there")};
    }
}

} // namespace cpi
