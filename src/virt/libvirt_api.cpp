#include "virt/libvirt_api.h"

#include "base/error.h"

#include <dlfcn.h>

#include <string>

namespace cpi {

namespace {

template <class Function>
void find_function(void* library, const char* name, Function& function)
{
    function =
        reinterpret_cast<Function>(::dlsym(library, name)); // NOLINT(*-reinterpret-cast): what dlsym is for
    if (function == nullptr)
        throw Error{ErrorKind::cpi, concat("libvirt.so.0 has no function ", name, ". Try: a newer libvirt")};
}

LibvirtApi load()
{
    void* library = ::dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const std::string why = ::dlerror(); // NOLINT(concurrency-mt-unsafe): no other thread loads libraries
        throw Error{ErrorKind::cpi,
                    concat("cannot load libvirt: ", why,
                           ". Try: install the package libvirt0 (Debian, Ubuntu) or libvirt-libs")};
    }
    LibvirtApi api{};
#define FIND(name) find_function(library, #name, api.name);
    LIBVIRT_FUNCTIONS(FIND)
#undef FIND
    // Before this, even asking for the last error is undefined.
    if (api.virInitialize() != 0)
        throw Error{ErrorKind::cpi, "libvirt cannot be initialised"};
    // Errors come back as values; libvirt's own line on stderr would repeat them.
    api.virSetErrorFunc(nullptr, [](void* /*data*/, virErrorPtr /*error*/) {});
    return api;
}

} // namespace

const LibvirtApi& libvirt_api()
{
    static const LibvirtApi api = load();
    return api;
}

} // namespace cpi
