#pragma once

#include "stemcell/tar_bytes.h"

#include <sys/types.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>

struct archive;

namespace cpi {

struct TarEntry {
    std::string name;
    unsigned type = 0; // as in a file's mode
    bool hard_link = false;
    std::uint64_t size = 0;
};

/// The entries of a tar, one after the other.
class TarReader : private Pinned {
public:
    TarReader(const Path& file, std::uint64_t most_bytes);

    /// Nothing at the archive's end.
    [[nodiscard]] std::optional<TarEntry> next_entry();
    /// What comes next of the entry's contents, in `buffer`; nothing at their end.
    [[nodiscard]] std::span<const char> read(std::span<char> buffer);
    /// Reads what the file holds behind the tar, so that its checksums are verified to the last.
    void finish();

private:
    static ssize_t feed(archive* reader, void* self, const void** bytes) noexcept;
    [[noreturn]] void fail();

    struct FreeReader {
        void operator()(archive* reader) const noexcept;
    };

    TarBytes bytes_;
    std::exception_ptr failure_;
    std::unique_ptr<archive, FreeReader> reader_;
};

} // namespace cpi
