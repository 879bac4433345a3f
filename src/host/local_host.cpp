#include "host/local_host.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "host/fd.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace cpi {

namespace {

mode_t mode_of(Access access)
{
    return access == Access::owner ? 0600 : 0644;
}

/// An empty Fd means that there is no such file; any other failure throws.
Fd open_existing(const Path& path, int flags)
{
    Fd fd{::open(path.c_str(), flags | O_CLOEXEC)};
    if (!fd && errno != ENOENT)
        throw system_error(concat("opening ", path.native()), errno);
    return fd;
}

void write_all(int fd, std::span<const char> bytes, const Path& path)
{
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            throw system_error(concat("writing ", path.native()), errno);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

std::string read_up_to(int fd, std::size_t most, const Path& path)
{
    std::string bytes;
    std::array<char, 16384> buffer{};
    while (bytes.size() < most) {
        const ssize_t got = ::read(fd, buffer.data(), std::min(buffer.size(), most - bytes.size()));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw system_error(concat("reading ", path.native()), errno);
        if (got == 0)
            break;
        bytes.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return bytes;
}

void sync_file(int fd, const Path& path)
{
    if (::fsync(fd) != 0)
        throw system_error(concat("syncing ", path.native()), errno);
}

void sync_directory(const Path& directory)
{
    const Fd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd)
        throw system_error(concat("opening ", directory.native()), errno);
    sync_file(fd.get(), directory);
}

/// Whatever the caller's umask is.
void set_mode(int fd, mode_t mode, const Path& path)
{
    if (::fchmod(fd, mode) != 0)
        throw system_error(concat("setting the mode of ", path.native()), errno);
}

Fd create_file(const Path& path, Access access)
{
    Fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_of(access))};
    if (!fd)
        throw system_error(concat("creating ", path.native()), errno);
    set_mode(fd.get(), mode_of(access), path);
    return fd;
}

/// Copies the next stretch of data at or behind `from`. Returns where it ended; nothing when there is no
/// more.
std::optional<off_t> copy_stretch(const Fd& in, const Fd& out, off_t from, const Path& path)
{
    // Between stretches an interrupt is noticed.
    constexpr off_t longest = off_t{64} << 20U;
    off_t data = ::lseek(in.get(), from, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
        return std::nullopt;
    const off_t hole = data < 0 ? data : ::lseek(in.get(), data, SEEK_HOLE);
    if (hole < 0)
        throw system_error(concat("looking for the data in ", path.native()), errno);
    const off_t end = std::min(hole, data + longest);
    if (::lseek(out.get(), data, SEEK_SET) < 0)
        throw system_error(concat("copying ", path.native()), errno);
    while (data < end) {
        // Not copy_file_range, which refuses two file systems of different kinds.
        const ssize_t copied = ::sendfile(out.get(), in.get(), &data, static_cast<std::size_t>(end - data));
        if (copied < 0 && errno == EINTR)
            continue;
        if (copied < 0)
            throw system_error(concat("copying ", path.native()), errno);
        if (copied == 0)
            return std::nullopt; // it became shorter meanwhile
    }
    return end;
}

class LocalSink final : public Sink {
public:
    LocalSink(Path path, Access access) : path_{std::move(path)}, fd_{create_file(path_, access)} {}

    void write(std::span<const char> bytes) override
    {
        write_all(fd_.get(), bytes, path_);
        size_ += bytes.size();
        start_writeback();
    }
    void skip(std::uint64_t bytes) override
    {
        size_ += bytes;
        if (::lseek(fd_.get(), static_cast<off_t>(size_), SEEK_SET) < 0)
            throw system_error(concat("seeking in ", path_.native()), errno);
    }
    void finish() override
    {
        if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0)
            throw system_error(concat("sizing ", path_.native()), errno);
        sync_file(fd_.get(), path_);
    }

private:
    /// Lets the disk work while we still produce, so that finish() has little left to wait for.
    void start_writeback()
    {
        constexpr std::uint64_t chunk = std::uint64_t{8} << 20U;
        if (size_ - handed_over_ < chunk)
            return;
        ::sync_file_range(fd_.get(), static_cast<off_t>(handed_over_),
                          static_cast<off_t>(size_ - handed_over_), SYNC_FILE_RANGE_WRITE);
        handed_over_ = size_;
    }

    Path path_;
    Fd fd_;
    std::uint64_t size_ = 0;
    std::uint64_t handed_over_ = 0;
};

class LocalLock final : public HeldLock {
public:
    explicit LocalLock(Fd fd) : fd_{std::move(fd)} {}

private:
    Fd fd_; // closing it releases the lock
};

enum class LockTry { got, held_by_other, gone };

/// Whoever locks a file that was meanwhile removed, or moved away with its directory, holds nothing.
bool still_at(int fd, const Path& path)
{
    struct stat ours {};
    struct stat theirs {};
    return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 && ours.st_ino == theirs.st_ino &&
           ours.st_dev == theirs.st_dev;
}

LockTry try_flock(const Fd& fd, const Path& path)
{
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
        return still_at(fd.get(), path) ? LockTry::got : LockTry::gone;
    if (errno == EWOULDBLOCK || errno == EINTR)
        return LockTry::held_by_other;
    throw system_error(concat("locking ", path.native()), errno);
}

} // namespace

std::optional<std::string> LocalHost::read_start(const Path& file, std::size_t bytes)
{
    const Fd fd = open_existing(file, O_RDONLY);
    if (!fd)
        return std::nullopt;
    return read_up_to(fd.get(), bytes, file);
}

std::optional<FileInfo> LocalHost::info(const Path& path)
{
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT)
            return std::nullopt;
        throw system_error(concat("looking at ", path.native()), errno);
    }
    using Kind = FileInfo::Kind;
    const Kind kind = S_ISREG(found.st_mode)   ? Kind::file
                      : S_ISDIR(found.st_mode) ? Kind::directory
                                               : Kind::other;
    return FileInfo{kind, static_cast<std::uint64_t>(found.st_size)};
}

std::vector<std::string> LocalHost::list(const Path& directory)
{
    std::error_code failed;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator at{directory, failed}, end; !failed && at != end;
         at.increment(failed))
        names.push_back(at->path().filename().string());
    if (failed && failed != std::errc::no_such_file_or_directory)
        throw system_error(concat("listing ", directory.native()), failed.value());
    return names;
}

Space LocalHost::space(const Path& path)
{
    struct statvfs found {};
    if (::statvfs(path.c_str(), &found) != 0)
        throw system_error(concat("looking at the file system of ", path.native()), errno);
    return {found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize};
}

void LocalHost::make_directory(const Path& directory, Access access)
{
    // The hypervisor's own user must be able to pass through, but not to look around.
    const mode_t mode = access == Access::everyone ? 0711 : 0700;
    if (::mkdir(directory.c_str(), mode) != 0) {
        if (errno == EEXIST)
            return;
        throw system_error(concat("making the directory ", directory.native()), errno);
    }
    const Fd fd = open_existing(directory, O_RDONLY | O_DIRECTORY);
    set_mode(fd.get(), mode, directory);
}

void LocalHost::publish(const Path& file, std::string_view bytes, Access access)
{
    // One name for all writers of a file: who writes it holds its object's lock, and what a killed one left
    // goes.
    const Path staging = file.parent_path() / concat(".new-", file.filename().native());
    discard(staging);
    try {
        const Fd fd = create_file(staging, access);
        write_all(fd.get(), bytes, staging);
        sync_file(fd.get(), staging);
        if (::rename(staging.c_str(), file.c_str()) != 0)
            throw system_error(concat("renaming ", staging.native(), " to ", file.native()), errno);
    } catch (...) {
        ::unlink(staging.c_str());
        throw;
    }
    sync_directory(file.parent_path());
}

std::unique_ptr<Sink> LocalHost::create(const Path& file, Access access)
{
    return std::make_unique<LocalSink>(file, access);
}

void LocalHost::copy(const Path& from, const Path& to)
{
    const Fd in{::open(from.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat found {};
    if (!in || ::fstat(in.get(), &found) != 0)
        throw system_error(concat("opening ", from.native()), errno);
    const Fd out = create_file(to, Access::owner);
    if (::ioctl(out.get(), FICLONE, in.get()) != 0) {
        for (std::optional<off_t> at = 0; at; at = copy_stretch(in, out, *at, from))
            check_interrupt();
        if (::ftruncate(out.get(), found.st_size) != 0)
            throw system_error(concat("sizing ", to.native()), errno);
    }
    sync_file(out.get(), to);
}

void LocalHost::link(const Path& existing, const Path& name)
{
    if (::link(existing.c_str(), name.c_str()) != 0)
        throw system_error(concat("linking ", existing.native(), " to ", name.native()), errno);
}

void LocalHost::point(const Path& name, const Path& target)
{
    if (::symlink(target.c_str(), name.c_str()) != 0)
        throw system_error(concat("making the link ", name.native()), errno);
}

std::optional<Path> LocalHost::target_of(const Path& name)
{
    std::array<char, 4096> target{};
    const ssize_t length = ::readlink(name.c_str(), target.data(), target.size());
    if (length >= 0)
        return Path{std::string{target.data(), static_cast<std::size_t>(length)}};
    if (errno == ENOENT || errno == EINVAL)
        return std::nullopt;
    throw system_error(concat("reading the link ", name.native()), errno);
}

void LocalHost::rename(const Path& from, const Path& to)
{
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0)
        throw system_error(concat("renaming ", from.native(), " to ", to.native()), errno);
    sync_directory(to.parent_path());
}

void LocalHost::discard(const Path& path)
{
    if (::unlink(path.c_str()) == 0 || errno == ENOENT)
        return;
    if (errno != EISDIR && errno != EPERM)
        throw system_error(concat("removing ", path.native()), errno);
    Path doomed = path;
    if (!path.filename().native().starts_with(discarded_prefix)) {
        doomed = path.parent_path() / concat(discarded_prefix, random_name(8), "-", path.filename().native());
        if (::rename(path.c_str(), doomed.c_str()) != 0) {
            if (errno == ENOENT)
                return;
            throw system_error(concat("removing ", path.native()), errno);
        }
        sync_directory(path.parent_path());
    }
    std::error_code failed;
    std::filesystem::remove_all(doomed, failed);
    if (failed && failed != std::errc::no_such_file_or_directory)
        throw system_error(concat("removing ", doomed.native()), failed.value());
}

std::unique_ptr<HeldLock> LocalHost::lock(const Path& file, const Deadline& deadline)
{
    Fd fd = open_existing(file, O_RDWR);
    if (!fd)
        return nullptr;
    LockTry outcome = LockTry::held_by_other;
    const bool settled = wait_until(deadline, [&] {
        outcome = try_flock(fd, file);
        return outcome != LockTry::held_by_other;
    });
    if (!settled)
        throw locked_by_other(file);
    return outcome == LockTry::got ? std::make_unique<LocalLock>(std::move(fd)) : nullptr;
}

std::unique_ptr<HeldLock> LocalHost::try_lock(const Path& file)
{
    Fd fd = open_existing(file, O_RDWR);
    if (!fd || try_flock(fd, file) != LockTry::got)
        return nullptr;
    return std::make_unique<LocalLock>(std::move(fd));
}

std::unique_ptr<HeldLock> LocalHost::create_locked(const Path& file)
{
    Fd fd;
    const bool is_ours = wait_until(Deadline{patience_with_sweepers}, [&] {
        fd = Fd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode_of(Access::owner))};
        if (!fd)
            throw system_error(concat("creating ", file.native()), errno);
        // Somebody who sweeps may lock the file between these two calls, and then removes it: once more.
        return try_flock(fd, file) == LockTry::got;
    });
    if (!is_ours)
        throw locked_by_other(file);
    return std::make_unique<LocalLock>(std::move(fd));
}

} // namespace cpi
