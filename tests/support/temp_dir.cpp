#include "support/temp_dir.h"

#include "base/ids.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace cpi::test {

TempDir::TempDir()
    : path_{std::filesystem::temp_directory_path() / concat("libvirt-cpi-test-", random_name(10))}
{
    std::filesystem::create_directory(path_);
    using std::filesystem::perms;
    std::filesystem::permissions(path_, perms::owner_all | perms::group_exec | perms::others_exec);
}

TempDir::~TempDir()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::write(std::string_view name, std::string_view text) const
{
    const auto file = path_ / name;
    std::ofstream out{file, std::ios::binary};
    out << text;
    if (!out.flush())
        throw std::runtime_error{concat("cannot write ", file.native())};
    return file.native();
}

std::string TempDir::listing() const
{
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{path_})
        names.push_back(std::filesystem::relative(entry.path(), path_).native());
    std::ranges::sort(names);
    return join(names, "\n");
}

std::string read_file(const std::filesystem::path& file)
{
    const std::ifstream in{file, std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

} // namespace cpi::test
