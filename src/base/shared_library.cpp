#include "base/shared_library.h"

#include "base/error.h"

#include <dlfcn.h>

namespace cpi {

SharedLibrary::SharedLibrary(const char* file, std::string_view advice)
    : file_{file}, handle_{::dlopen(file, RTLD_NOW | RTLD_LOCAL)}
{
    if (handle_ == nullptr) {
        const std::string why = ::dlerror(); // NOLINT(concurrency-mt-unsafe): no other thread loads libraries
        throw Error{ErrorKind::cpi, concat("cannot load ", file, ": ", why, ". Try: ", advice)};
    }
}

void* SharedLibrary::find(const char* name) const
{
    void* found = ::dlsym(handle_, name);
    if (found == nullptr)
        throw Error{ErrorKind::cpi, concat(file_, " has no function ", name, ". Try: a newer version of it")};
    return found;
}

} // namespace cpi
