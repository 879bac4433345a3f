#include "host/remote_shell.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"

#include <charconv>

namespace cpi {

namespace {

constexpr std::string_view run_each_line =
    "exec /bin/sh -c 'while IFS= read -r l; do eval \"$l\"; done; kill $b'";

/// A shell's function that ends a shell with all that it has started, by its number: what it runs with its
/// patience is in a process group of its own.
constexpr std::string_view end_of_session = "end() { pkill -KILL -s $1 || kill -KILL -$1; }; end";

/// What each line can use: `e` tells that the answer is complete.
std::string preparation(const std::string& nonce)
{
    constexpr std::string_view seconds_between_beats = "15";
    return concat(remote_environment, "umask 077; n=", nonce, "; ",
                  R"(e() { s=$?; printf '\n%s %s\n' "$n" "$s"; printf '\n%s\n' "$n" >&2; }; )",
                  "(trap '' PIPE; while sleep ", seconds_between_beats,
                  R"(; do printf '\n%s-beat\n' "$n" >&2 || { )", end_of_session, " $$; }; done) & ",
                  R"(b=$!; printf '%s %s\n' "$n" $$; printf '%s\n' "$n" >&2)", "\n");
}

std::string without(std::string text, std::string_view part)
{
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at))
        text.erase(at, part.size());
    return text;
}

} // namespace

std::string remote_word(std::string_view word)
{
    return join(split(shell_quote(word), '\n'), "'\"$N\"'");
}

std::string skip_to(SshChannel& channel, std::string& text, std::string_view mark)
{
    const auto is_there = [&] {
        const std::size_t at = text.find(mark);
        return at != std::string::npos && text.find('\n', at) != std::string::npos;
    };
    while (!is_there())
        if (!channel.receive())
            throw Error{ErrorKind::cloud,
                        concat("the user's shell there ended at once: ",
                               trim(concat(channel.out, channel.err)), ". Try: ssh, with a command")};
    const std::size_t start = text.find(mark);
    const std::size_t end = text.find('\n', start);
    std::string line = text.substr(start, end - start);
    text.erase(0, end + 1);
    return line;
}

RemoteShell::RemoteShell(SshSession& session)
    : session_{session}, nonce_{random_name(24)}, channel_{session.execute(run_each_line)}
{
    send(preparation(nonce_));
    process_ = split(skip_to(*channel_, channel_->out, nonce_), ' ').back();
    static_cast<void>(skip_to(*channel_, channel_->err, nonce_));
}

void RemoteShell::send(std::string_view line)
{
    channel_->send({line.data(), line.size()});
}

void RemoteShell::end() noexcept
{
    const ShieldFromInterrupt shield;
    try {
        const auto channel = session_.execute(run_next_line);
        const std::string line = concat(end_of_session, " ", process_, "\n");
        channel->send({line.data(), line.size()});
        while (channel->receive())
            continue;
    } catch (const std::exception&) {
        return; // it notices by itself that nobody hears it
    }
}

bool RemoteShell::has_answer() const
{
    // A beat may come behind the end.
    static constexpr std::size_t enough = 256;
    const auto ends_with = [](const std::string& text, const std::string& end) {
        return text.ends_with('\n') &&
               text.find(end, text.size() - std::min(text.size(), enough)) != std::string::npos;
    };
    return ends_with(channel_->out, concat("\n", nonce_, " ")) &&
           ends_with(channel_->err, concat("\n", nonce_, "\n"));
}

Output RemoteShell::run(std::string_view script, const Secret& input)
{
    const std::string& bytes = input.reveal();
    if (bytes.empty())
        send(concat("{ ", script, "; } </dev/null; e\n"));
    else
        // The script may end before it has read everything, the shell must not read it then.
        send(concat("dd bs=", bytes.size(), " count=1 iflag=fullblock status=none | { { ", script,
                    "; }; s=$?; cat >/dev/null; exit $s; }; e\n"));
    send(bytes);
    while (!has_answer())
        if (!channel_->receive())
            throw Error{ErrorKind::cloud, "the connection ended in the middle"};

    Output answer;
    const std::string end = concat("\n", nonce_);
    const std::size_t out_end = channel_->out.rfind(end);
    const char* const digits = channel_->out.data() + out_end + end.size() + 1;
    std::from_chars(digits, channel_->out.data() + channel_->out.size(), answer.status);
    answer.out = std::exchange(channel_->out, {}).substr(0, out_end);
    answer.err = without(std::exchange(channel_->err, {}), concat(end, "-beat\n"));
    answer.err.resize(answer.err.rfind(end));
    return answer;
}

void RemoteShell::tell(std::string_view script)
{
    send(concat("{ ", script, "; } </dev/null >/dev/null 2>&1\n"));
}

} // namespace cpi
