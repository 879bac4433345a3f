#include "virt/libvirt_api.h"

#include "base/error.h"
#include "base/shared_library.h"

namespace cpi {

namespace {

LibvirtApi load()
{
    const SharedLibrary library{"libvirt.so.0",
                                "install the package libvirt0 (Debian, Ubuntu) or libvirt-libs"};
    LibvirtApi api{};
#define FIND(name) library.find(#name, api.name);
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
