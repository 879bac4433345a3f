#pragma once

#include "host/host.h"
#include "host/remote_shell.h"
#include "host/ssh_session.h"

#include <functional>
#include <optional>
#include <set>

namespace cpi {

/// Another machine, by one connection that is opened when something is first asked of it. It needs a POSIX
/// shell, GNU coreutils and findutils, util-linux and gzip.
class SshHost final : public Host {
public:
    /// `find_address` is asked when the connection is opened.
    explicit SshHost(std::function<SshAddress()> find_address) : find_address_{std::move(find_address)} {}

    [[nodiscard]] Output run(const Command& command) override;
    [[nodiscard]] std::optional<std::string> read_start(const Path& file, std::size_t bytes) override;
    [[nodiscard]] std::optional<FileInfo> info(const Path& path) override;
    [[nodiscard]] std::vector<std::string> list(const Path& directory) override;
    [[nodiscard]] std::vector<std::string> links(const Path& directory) override;
    [[nodiscard]] Space space(const Path& path) override;
    void make_directory(const Path& directory, Access access = Access::everyone) override;
    void publish(const Path& file, std::string_view bytes, Access access) override;
    [[nodiscard]] std::unique_ptr<Sink> create(const Path& file, Access access) override;
    void create_blank(const Path& file, std::uint64_t bytes) override;
    [[nodiscard]] Path bring(const Path& own, const Path& place) override;
    void copy(const Path& from, const Path& to) override;
    void link(const Path& existing, const Path& name) override;
    void point(const Path& name, const Path& target) override;
    [[nodiscard]] std::optional<Path> target_of(const Path& name) override;
    void rename(const Path& from, const Path& to) override;
    void discard(const Path& path) override;
    [[nodiscard]] std::unique_ptr<HeldLock> lock(const Path& file, const Deadline& deadline) override;
    [[nodiscard]] std::unique_ptr<HeldLock> try_lock(const Path& file) override;
    [[nodiscard]] std::unique_ptr<HeldLock> create_locked(const Path& file) override;

private:
    class Lock;
    enum class LockTry { got, held_by_other, gone };

    [[nodiscard]] SshSession& session();
    [[nodiscard]] Output ask(std::string_view script, const Secret& input = {});
    /// Throws unless it succeeds.
    [[nodiscard]] std::vector<std::string> find(const Path& directory, std::string_view what);
    std::string demand(const std::string& doing, std::string_view script, const Secret& input = {});
    /// Nothing: what it is about is not there.
    std::optional<std::string> inquire(const std::string& doing, std::string_view script);
    [[nodiscard]] LockTry seize(const Path& file, unsigned descriptor, std::string_view script);
    [[nodiscard]] unsigned free_descriptor() const;
    void release(unsigned descriptor, unsigned connection) noexcept;

    std::function<SshAddress()> find_address_;
    std::optional<SshSession> session_;
    std::optional<RemoteShell> shell_;
    unsigned connection_ = 0;        // its number: locks end with it
    std::set<unsigned> descriptors_; // of the shell, which hold locks
};

} // namespace cpi
