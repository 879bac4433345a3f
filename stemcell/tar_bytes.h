#pragma once

#include "base/error.h"
#include "base/pinned.h"
#include "host/fd.h"
#include "host/host.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <zlib.h>

namespace cpi {

/// Opens it for reading. What is no regular file is refused: one would wait for a pipe's writer for ever.
[[nodiscard]] Fd open_stemcell(const Path& file);

/// How messages call the file that the Director names `image`.
[[nodiscard]] std::string stemcell_image(const Path& file);
[[nodiscard]] Error damaged_stemcell(const Path& file, std::string_view how);

/// The tar in a file: its bytes as they are, or out of gzip. libarchive could do the latter, but does not
/// look at the checksums; zlib does.
class TarBytes : private Pinned {
public:
    TarBytes(Path file, std::uint64_t most_bytes);
    ~TarBytes() { ::inflateEnd(&inflater_); }

    /// Valid until the next call; empty at the end, when all checksums were right.
    [[nodiscard]] std::span<const char> next();
    [[nodiscard]] const Path& file() const noexcept { return file_; }
    /// The file's own first bytes.
    [[nodiscard]] const std::string& start() const noexcept { return start_; }

private:
    [[nodiscard]] bool refill();
    [[nodiscard]] std::span<const char> inflated();
    void inflate_some();

    Path file_;
    std::uint64_t most_bytes_;
    std::uint64_t bytes_ = 0;
    Fd fd_;
    std::string input_;
    std::string output_;
    std::string start_;
    bool gzip_ = false;
    bool ended_ = false;
    z_stream inflater_{};
};

} // namespace cpi
