#pragma once

#include "base/pinned.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace cpi::test {

/// A folder of its own for one test, gone afterwards. Every user may pass through it.
class TempDir : private Pinned {
public:
    TempDir();
    ~TempDir();
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    /// Writes a file and returns its path.
    std::string write(std::string_view name, std::string_view text) const;
    /// Every path in it, relative to it, sorted; one a line.
    [[nodiscard]] std::string listing() const;

private:
    std::filesystem::path path_;
};

[[nodiscard]] std::string read_file(const std::filesystem::path& file);

} // namespace cpi::test
