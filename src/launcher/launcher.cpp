// bin/libvirt_cpi of the bundle: runs libexec/libvirt_cpi with the loader and the libraries that lie beside
// it, wherever that is and whatever the machine has. Linked statically: there may be no other loader, nor a
// shell.

#include <sys/auxv.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

/// This file's, without links; also where /proc is not mounted. Empty: it cannot be found.
std::string own_path()
{
    std::array<char, PATH_MAX> path{};
    if (::readlink("/proc/self/exe", path.data(), path.size() - 1) > 0)
        return path.data();
    // NOLINTNEXTLINE(*-reinterpret-cast,performance-no-int-to-ptr): as the kernel passes it
    const auto* const called = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    return ::realpath(called, path.data()) == nullptr ? std::string{} : std::string{path.data()};
}

/// The folder of the folder that a file is in, with a slash at its end.
std::string folder_above(const std::string& file)
{
    const std::size_t name = file.rfind('/');
    const std::size_t folder =
        name == 0 || name == std::string::npos ? std::string::npos : file.rfind('/', name - 1);
    return folder == std::string::npos ? "/" : file.substr(0, folder + 1);
}

} // namespace

int main(int argc, char** argv)
{
    const std::string bundle = folder_above(own_path());
    std::string loader = bundle + "lib/ld.so";
    std::string option = "--inhibit-cache"; // the machine's libraries may be of another libc
    std::string program = bundle + "libexec/libvirt_cpi";
    std::vector<char*> words{loader.data(), option.data(), program.data()};
    if (argc > 0)
        words.insert(words.end(), argv + 1, argv + argc);
    words.push_back(nullptr);
    ::execv(loader.c_str(), words.data());
    const int why = errno;
    std::fprintf(stderr,
                 "libvirt_cpi: cannot run %s: %s. Try: install the package anew; bin, lib and libexec belong "
                 "together\n",
                 loader.c_str(), ::strerrordesc_np(why));
    return 127; // as a shell says it
}
