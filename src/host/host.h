#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/pinned.h"
#include "base/secret.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

using Path = std::filesystem::path;

/// What to run: a program with its words, never a shell line.
struct Command {
    std::vector<std::string> argv;
    std::chrono::seconds patience = std::chrono::seconds{600}; // then the program is ended and the call fails
    Secret input = {};                                         // what it reads on its stdin
};

/// What a shell adds to the number of the signal that has ended a program.
inline constexpr int ended_by_signal = 128;

struct Output {
    int status = 0; // as a shell has it
    std::string out;
    std::string err;
};

struct FileInfo {
    enum class Kind { file, directory, other };
    Kind kind = Kind::other;
    std::uint64_t size = 0;
};

struct Space {
    std::uint64_t total = 0;
    std::uint64_t available = 0;
};

/// Who may read a file. The hypervisor is given access to what it needs by libvirt.
enum class Access { owner, everyone };

/// A new file that is written from front to back.
class Sink : private Pinned {
public:
    virtual ~Sink() = default;
    virtual void write(std::span<const char> bytes) = 0;
    /// Leaves a hole that reads as zeros.
    virtual void skip(std::uint64_t bytes) = 0;
    /// Makes what was written durable. A sink that is not finished leaves a file that nobody should trust.
    virtual void finish() = 0;
};

/// Held as long as it lives, and no longer than the process does, however that ends.
class HeldLock : private Pinned {
public:
    virtual ~HeldLock() = default;
};

/// The machine that the hypervisor runs on: this one, or another. Its file operations are the few that a
/// store needs. "Not there" is an answer; whatever else goes wrong throws and names the file.
class Host : private Pinned {
public:
    virtual ~Host() = default;

    /// A non-zero exit is an answer; a program that could not be run, or overran its patience, throws.
    [[nodiscard]] virtual Output run(const Command& command) = 0;

    /// All of a file that is not large.
    [[nodiscard]] std::optional<std::string> read(const Path& file);
    /// The first bytes of a file, fewer when it is shorter.
    [[nodiscard]] virtual std::optional<std::string> read_start(const Path& file, std::size_t bytes) = 0;
    [[nodiscard]] virtual std::optional<FileInfo> info(const Path& path) = 0;
    /// The names in a directory; none when there is no such directory.
    [[nodiscard]] virtual std::vector<std::string> list(const Path& directory) = 0;
    /// Those of them that are symbolic links.
    [[nodiscard]] virtual std::vector<std::string> links(const Path& directory);
    [[nodiscard]] virtual Space space(const Path& path) = 0;

    /// An existing directory is fine; its parent must exist. Everyone may pass through, or only its owner.
    virtual void make_directory(const Path& directory, Access access = Access::everyone) = 0;
    /// Puts a file there whole or not at all: a reader, or a crash at any point, finds the old contents or
    /// the new.
    /// One at a time for each file.
    virtual void publish(const Path& file, std::string_view bytes, Access access) = 0;
    /// Begins a file that must not exist yet.
    [[nodiscard]] virtual std::unique_ptr<Sink> create(const Path& file, Access access) = 0;
    /// A file of zeros that takes no room, for its owner. It must not exist yet.
    virtual void create_blank(const Path& file, std::uint64_t bytes);
    /// A new file with the contents of another, which takes no more room than those: where the file system
    /// can share them it does, and holes stay holes.
    virtual void copy(const Path& from, const Path& to) = 0;
    /// A file of the CPI's own machine, where the host's programs can read it: itself, or a copy at `place`.
    [[nodiscard]] virtual Path bring(const Path& own, const Path& place);
    /// A second name for a file on the same file system.
    virtual void link(const Path& existing, const Path& name) = 0;
    /// A symbolic link; what it points to need not be there yet.
    virtual void point(const Path& name, const Path& target) = 0;
    /// What a symbolic link points to. Nothing: there is no such link.
    [[nodiscard]] virtual std::optional<Path> target_of(const Path& name) = 0;
    /// Durable when it returns. `to` must not exist.
    virtual void rename(const Path& from, const Path& to) = 0;
    /// Takes the path out of sight in one step, then removes it and all in it. An absent path is fine.
    virtual void discard(const Path& path) = 0;

    /// Waits until nobody else holds the file's lock. Null: there is no such file (any more).
    [[nodiscard]] virtual std::unique_ptr<HeldLock> lock(const Path& file, const Deadline& deadline) = 0;
    /// Null: no such file, or somebody else holds its lock.
    [[nodiscard]] virtual std::unique_ptr<HeldLock> try_lock(const Path& file) = 0;
    /// Makes an empty file with its lock held from the start. Who sweeps may hold it for a moment before, and
    /// is waited for.
    [[nodiscard]] virtual std::unique_ptr<HeldLock> create_locked(const Path& file) = 0;
};

/// Discarded paths wait under names of this prefix, beside their place, until they are removed.
inline constexpr std::string_view discarded_prefix = ".old-";

/// How long a lock is waited for that only those who sweep can hold.
inline constexpr std::chrono::seconds patience_with_sweepers{60};

[[nodiscard]] Error locked_by_other(const Path& file);

/// That a program could not be run because it is not there, with what to install.
[[nodiscard]] Error no_such_program(const std::string& program);

/// Runs the command and returns its output; a non-zero exit throws with what it wrote to stderr.
std::string run_ok(Host& host, const Command& command);

} // namespace cpi
