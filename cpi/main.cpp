#include "base/clock.h"
#include "cpi/config/config.h"
#include "cpi/cpi.h"
#include "cpi/disk/convert_disk.h"
#include "cpi/disk/snapshots.h"
#include "cpi/dispatch.h"
#include "cpi/operator/schemas.h"
#include "cpi/operator/tables.h"
#include "cpi/wire/redact.h"
#include "cpi/wire/response.h"
#include "host/fd.h"
#include "host/local_host.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace cpi {

namespace {

constexpr std::string_view usage = R"(Usage:
  libvirt_cpi --config FILE         read one CPI request on stdin, answer it on stdout
  libvirt_cpi --config FILE restore-disk SNAPSHOT [--as-new]
                                    make a detached disk what it was when the snapshot was taken,
                                    or make a new disk of the snapshot; prints the disk's cid
  libvirt_cpi --config FILE convert-disk DISK --to FORMAT
                                    make a detached disk of another hypervisor, or for other ids, one of
                                    the configured; prints the disk's cid
  libvirt_cpi config check FILE     say whether FILE is a valid configuration, and what follows from it
  libvirt_cpi config schema [NAME]  print the JSON Schema of the configuration; NAME: of the cloud properties in
                                    vm_types, disk_types or networks
  libvirt_cpi hypervisors           print what each hypervisor can do: methods and cloud properties
  libvirt_cpi properties            print what each cloud property means
  libvirt_cpi --version
  libvirt_cpi --help
)";

/// The one who may write on stdout: one document, once, whoever comes first.
class Responder : private Pinned {
public:
    /// Everybody else's stdout becomes stderr, and no child inherits the real one.
    Responder() : out_{::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)} { ::dup2(STDERR_FILENO, STDOUT_FILENO); }

    void respond(std::string_view document) noexcept
    {
        if (answered_.exchange(true))
            return;
        while (!document.empty()) {
            const ssize_t written = ::write(out_.get(), document.data(), document.size());
            if (written < 0 && errno != EINTR)
                return; // nobody listens any more
            if (written > 0)
                document.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    /// Where the caller listens.
    [[nodiscard]] int fd() const noexcept { return out_.get(); }

private:
    Fd out_;
    std::atomic<bool> answered_{false};
};

/// Descriptors 0 to 2 exist, so that no file that we open becomes stdout.
void ensure_standard_descriptors()
{
    for (;;) {
        const int fd = ::open("/dev/null", O_RDWR); // NOLINT: these are to be inherited
        if (fd > STDERR_FILENO || fd < 0) {
            if (fd >= 0)
                ::close(fd);
            return;
        }
    }
}

/// Libraries end the process where they cannot open what they need. Throws unless there is room for it, the
/// CPI's own locks and pipes included; a program that runs under a small limit may have more for the asking.
void require_descriptors()
{
    constexpr rlim_t plenty = 1024;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < std::min(plenty, limit.rlim_max)) {
        limit.rlim_cur = std::min(plenty, limit.rlim_max);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    constexpr std::size_t needed = 48;
    std::vector<Fd> free;
    while (free.size() < needed) {
        free.emplace_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
        if (!free.back())
            throw Error{ErrorKind::cloud,
                        concat("the CPI may open ", free.size() - 1, " files more, and needs ", needed,
                               ". Try: ulimit -n ", plenty)};
    }
}

sigset_t handled_signals()
{
    sigset_t signals{};
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGALRM})
        sigaddset(&signals, signal);
    return signals;
}

/// Waits for a signal, and returns it. When the caller has gone, so that nobody will ever know what the call
/// has made, that is one, too. No `listener`: nobody needs to listen.
int wait_for_end(const sigset_t& signals, int listener)
{
    const Fd incoming{::signalfd(-1, &signals, SFD_CLOEXEC)};
    std::array<pollfd, 2> watched{{{incoming.get(), POLLIN, 0}, {listener, 0, 0}}};
    while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
    }
    signalfd_siginfo signal{};
    const bool is_signal =
        watched[0].revents != 0 && ::read(incoming.get(), &signal, sizeof signal) == sizeof signal;
    return is_signal ? static_cast<int>(signal.ssi_signo) : SIGHUP;
}

/// An interrupted call undoes what it began and says so; one that does not get there in time, or hangs in
/// libvirt, is answered for by `give_up` and ended. What it leaves is removed by the next call.
void watch_signals(const std::function<void(const std::string& message)>& give_up, int status, int listener)
{
    constexpr std::chrono::seconds time_to_undo{20};
    const sigset_t signals = handled_signals();
    int signal = wait_for_end(signals, listener);
    std::string message =
        "the call was ended by a signal before it could undo what it had begun; the next call does";
    if (signal != SIGALRM) {
        interrupt();
        // One signal often comes twice, from a shell and from its process group: only time ends the undoing.
        for (const Deadline deadline{time_to_undo}; signal != SIGALRM && !deadline.passed();) {
            constexpr timespec second{1, 0};
            signal = sigtimedwait(&signals, nullptr, &second);
        }
    }
    if (signal == SIGALRM)
        message =
            concat(Watchdog::overdue(), ": libvirt did not answer in time. Try: systemctl status libvirtd");
    give_up(message);
    ::_exit(status);
}

constexpr int no_listener = -1;

/// From here on signals end the call in good order, and so does the going of who listens. To be called before
/// there is any other thread.
void end_in_order(std::function<void(const std::string& message)> give_up, int status, int listener)
{
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // then a write that goes too far is an error
    ::umask(S_IRWXG | S_IRWXO);    // images hold what guests keep secret
    const sigset_t signals = handled_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread{[give_up = std::move(give_up), status, listener] {
        watch_signals(give_up, status, listener);
    }}.detach();
}

std::string read_all(int fd)
{
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

int serve(const std::string& config_file)
{
    ensure_standard_descriptors();
    Responder responder;
    Log log;
    const auto fail = [&](const std::string& message) {
        responder.respond(failure(log.redactor(), {ErrorKind::cloud, message}));
    };
    try {
        require_descriptors();
        // Callers read the answer, not the exit status.
        end_in_order(fail, EXIT_SUCCESS, responder.fd());
    } catch (const std::exception& error) { // no file, or no thread: nothing can begin
        log.error(error.what());
        fail(error.what());
        ::_exit(EXIT_SUCCESS);
    }

    LocalHost host;
    const auto read_text = [&config_file] { return read_config_file(config_file); };
    answer(read_all(STDIN_FILENO), config_file, read_text, host, log,
           [&responder](std::string_view document) { responder.respond(document); });
    // The watching thread still uses what lives here: leave without taking it apart.
    ::_exit(EXIT_SUCCESS);
}

/// An operator's command: what it prints, or why it failed.
int operate(const std::string& config_file, const std::function<std::string(Cpi&)>& command)
{
    Log log;
    try {
        require_descriptors();
        end_in_order([](const std::string& message) { std::cerr << message << "\n"; }, EXIT_FAILURE,
                     no_listener);
        const json::Document no_context;
        const Config config = read_config(read_config_file(config_file), config_file, json::root(no_context));
        hide_secrets(log.redactor(), config);
        LocalHost host;
        Cpi cpi{config, host, log};
        std::cout << command(cpi) << std::endl;
        cpi.do_what_comes_afterwards();
        // The watching thread lives on: leave without taking apart what it uses.
        ::_exit(EXIT_SUCCESS);
    } catch (const std::exception& error) {
        std::cerr << log.redactor().clean(error.what()) << "\n";
        ::_exit(EXIT_FAILURE);
    }
}

int restore(const std::string& config_file, const std::string& snapshot, RestoreTo to)
{
    return operate(config_file, [&](Cpi& cpi) { return restore_disk(cpi, SnapshotCid{snapshot}, to).str(); });
}

int convert(const std::string& config_file, const std::string& disk, const std::string& format)
{
    return operate(config_file, [&](Cpi& cpi) {
        convert_disk(cpi, DiskCid{disk}, format);
        return disk;
    });
}

int print(std::string_view text)
{
    std::cout << text << (text.ends_with('\n') ? "" : "\n");
    return EXIT_SUCCESS;
}

int print_schema(const std::string& name)
{
    try {
        return print(schema_of(name));
    } catch (const Error& error) {
        std::cerr << error.what() << "\n";
        return EXIT_FAILURE;
    }
}

int check_config(const std::string& file)
{
    try {
        const json::Document no_context;
        const Config config = read_config(read_config_file(file), file, json::root(no_context));
        const Hypervisor& hypervisor = *config.hypervisor.row;
        std::cout << file << " is valid\n"
                  << "  hypervisor  " << hypervisor.name << "\n"
                  << "  uri         " << config.connection_uri() << "\n"
                  << "  store_dir   " << config.store_dir.text << "\n"
                  << "  stemcells  ";
        for (const auto& format : hypervisor.stemcell_formats)
            std::cout << " " << format;
        std::cout << "\n";
        if (config.is_remote())
            std::cout << "  host        " << config.host.text << "\n";
        if (const std::string trouble = store_trouble(config); !trouble.empty())
            std::cerr << "warning: where the host has AppArmor, " << trouble << "\n";
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return EXIT_FAILURE;
    }
}

using Words = std::span<const std::string>;

/// A way to call the program: its words, of which `any` stands for whatever it is given there.
struct Form {
    std::array<std::string_view, 6> words{};
    int (*run)(Words words) = nullptr;
};
constexpr std::string_view any = "ANY";
constexpr std::array forms{
    Form{{"--config", any}, [](Words words) { return serve(words[1]); }},
    Form{{"--config", any, "restore-disk", any},
         [](Words words) { return restore(words[1], words[3], RestoreTo::the_disk); }},
    Form{{"--config", any, "restore-disk", any, "--as-new"},
         [](Words words) { return restore(words[1], words[3], RestoreTo::a_new_disk); }},
    Form{{"--config", any, "convert-disk", any, "--to", any},
         [](Words words) { return convert(words[1], words[3], words[5]); }},
    Form{{"config", "check", any}, [](Words words) { return check_config(words[2]); }},
    Form{{"config", "schema"}, [](Words /*words*/) { return print(schema_of("config")); }},
    Form{{"config", "schema", any}, [](Words words) { return print_schema(words[2]); }},
    Form{{"hypervisors"},
         [](Words /*words*/) {
             return print(concat(method_table(), "\n", vm_support_table(), "\n", nic_support_table()));
         }},
    Form{{"properties"}, [](Words /*words*/) { return print(concat(vm_table(), "\n", nic_table())); }},
    Form{{"--version"}, [](Words /*words*/) { return print("libvirt_cpi " LIBVIRT_CPI_VERSION); }},
    Form{{"--help"}, [](Words /*words*/) { return print(usage); }},
};

bool matches(const Form& form, Words words)
{
    for (std::size_t i = 0; i < form.words.size(); ++i) {
        const std::string_view given = i < words.size() ? std::string_view{words[i]} : std::string_view{};
        if (form.words.at(i) != given && (form.words.at(i) != any || given.empty()))
            return false;
    }
    return words.size() <= form.words.size();
}

int run(Words words)
{
    for (const Form& form : forms)
        if (matches(form, words))
            return form.run(words);
    std::cerr << usage;
    return 2;
}

} // namespace

} // namespace cpi

int main(int argc, char** argv)
{
    // Boost.Filesystem throws where the user's locale is not installed, which it need not be.
    ::setenv("LC_ALL", "C", 1); // NOLINT(concurrency-mt-unsafe): there is one thread yet
    const std::span arguments{argv, static_cast<std::size_t>(argc)};
    const std::vector<std::string> words{arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end()};
    return cpi::run(words);
}
