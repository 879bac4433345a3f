#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cpi {

struct IsoFile {
    std::string path; // "ec2/latest/user-data"
    std::string contents;
};

/// An ISO 9660 image (Rock Ridge, so that names keep their case) with this volume label and these files,
/// which only its root may read. The same input gives the same bytes. The label has at most 16 characters and
/// keeps its case.
[[nodiscard]] std::string iso_image(std::string_view label, const std::vector<IsoFile>& files);

} // namespace cpi
