#pragma once

#include "host/host.h"

namespace cpi {

/// This machine: files by system calls, programs as children.
class LocalHost final : public Host {
public:
    [[nodiscard]] Output run(const Command& command) override;
    [[nodiscard]] std::optional<std::string> read_start(const Path& file, std::size_t bytes) override;
    [[nodiscard]] std::optional<FileInfo> info(const Path& path) override;
    [[nodiscard]] std::vector<std::string> list(const Path& directory) override;
    [[nodiscard]] Space space(const Path& path) override;
    void make_directory(const Path& directory, Access access = Access::everyone) override;
    void publish(const Path& file, std::string_view bytes, Access access) override;
    [[nodiscard]] std::unique_ptr<Sink> create(const Path& file, Access access) override;
    void copy(const Path& from, const Path& to) override;
    void link(const Path& existing, const Path& name) override;
    void point(const Path& name, const Path& target) override;
    [[nodiscard]] std::optional<Path> target_of(const Path& name) override;
    void rename(const Path& from, const Path& to) override;
    void discard(const Path& path) override;
    [[nodiscard]] std::unique_ptr<HeldLock> lock(const Path& file, const Deadline& deadline) override;
    [[nodiscard]] std::unique_ptr<HeldLock> try_lock(const Path& file) override;
    [[nodiscard]] std::unique_ptr<HeldLock> create_locked(const Path& file) override;
};

} // namespace cpi
