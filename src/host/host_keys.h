#pragma once

#include "host/ssh_session.h"

#include <libssh2.h>

#include <memory>
#include <string>

namespace cpi {

/// The keys that a machine may show.
class HostKeys : private Pinned {
public:
    HostKeys(LIBSSH2_SESSION* session, const SshAddress& address);
    ~HostKeys();

    /// "ssh-ed25519,ssh-rsa": the types of the keys that are known of it, as a machine that has several shows
    /// the one that it is asked for. Empty: none is known.
    [[nodiscard]] std::string types() const;
    /// Throws unless the key that it has shown is one of them.
    void check() const;

private:
    struct Known;
    LIBSSH2_SESSION* session_;
    const SshAddress& address_;
    std::unique_ptr<Known> known_;
};

} // namespace cpi
