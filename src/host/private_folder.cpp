#include "host/private_folder.h"

#include "base/error.h"

#include <cerrno>
#include <cstdlib>
#include <string>

namespace cpi {

PrivateFolder::PrivateFolder()
{
    std::string name = (std::filesystem::temp_directory_path() / "libvirt-cpi-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr)
        throw system_error(concat("making the directory ", name), errno);
    path_ = name;
}

void PrivateFolder::remove() const noexcept
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

} // namespace cpi
