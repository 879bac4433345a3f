#include "vbox/vboxmanage.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

namespace cpi {

namespace {

/// Not the one in PATH where both are: that may be a script which writes warnings among the answers.
constexpr std::string_view usual_place = "/usr/lib/virtualbox/VBoxManage";

constexpr std::string_view prefix = "VBoxManage: error: ";
constexpr std::string_view details = "Details: code ";

/// Somebody else's call has not let go of the VM yet, or the VM's own process of its settings.
bool is_locked(const VBoxManage::Answer& answer)
{
    return answer.code == "VBOX_E_INVALID_OBJECT_STATE" &&
           (answer.complaint.find("lock request pending") != std::string::npos ||
            answer.complaint.find("already locked") != std::string::npos);
}

} // namespace

VBoxManage::Answer VBoxManage::read_answer(const Output& output)
{
    Answer answer{.status = output.status, .out = output.out, .complaint = {}, .code = {}};
    for (const std::string& line : split(output.err, '\n')) {
        if (!line.starts_with(prefix))
            continue;
        const std::string text = line.substr(prefix.size());
        if (text.starts_with(details))
            answer.code = text.substr(details.size(), text.find(' ', details.size()) - details.size());
        else if (!text.starts_with("Context:"))
            answer.complaint += concat(answer.complaint.empty() ? "" : ": ", text);
    }
    if (answer.complaint.empty())
        answer.complaint = trim(output.err);
    return answer;
}

const std::string& VBoxManage::program()
{
    if (program_.empty())
        program_ = host_.info(usual_place) ? usual_place : "VBoxManage";
    return program_;
}

VBoxManage::Answer VBoxManage::ask(const Words& words, std::chrono::seconds patience)
{
    constexpr std::chrono::seconds lock_patience{30};
    Command command{{program()}, patience};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    Answer answer;
    // What is still locked when the time is up is an answer as well.
    static_cast<void>(wait_until(Deadline{lock_patience}, [&] {
        answer = read_answer(host_.run(command));
        return answer.status == 0 || !is_locked(answer);
    }));
    return answer;
}

std::string VBoxManage::run(const Words& words, std::chrono::seconds patience)
{
    Answer answer = ask(words, patience);
    if (answer.status == 0)
        return std::move(answer.out);
    const ErrorKind kind = says_disk_is_full(answer.complaint) ? ErrorKind::no_disk_space : ErrorKind::cloud;
    throw Error{kind, concat("VBoxManage ", join(words, " "), ": ", answer.complaint), Retry::no,
                answer.complaint};
}

} // namespace cpi
