#include "host/ssh_api.h"

#include "base/error.h"
#include "base/shared_library.h"

namespace cpi {

namespace {

SshApi load()
{
    const SharedLibrary library{"libssh2.so.1", "install the package libssh2-1 (Debian, Ubuntu) or libssh2"};
    SshApi api{};
#define FIND(name) library.find(#name, api.name);
    LIBSSH2_FUNCTIONS(FIND)
#undef FIND
    library.find("SHA256", api.SHA256);
    if (api.libssh2_init(0) != 0)
        throw Error{ErrorKind::cpi, "libssh2 cannot be initialised"};
    return api;
}

} // namespace

const SshApi& ssh_api()
{
    static const SshApi api = load();
    return api;
}

} // namespace cpi
