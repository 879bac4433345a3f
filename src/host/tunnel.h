#pragma once

#include "host/fd.h"
#include "host/private_folder.h"
#include "host/ssh_session.h"

#include <future>
#include <optional>
#include <string>

namespace cpi {

/// A local socket, for one connection by this user, that leads to the input and output of a command on
/// another machine: one line of shell.
class Tunnel : private Pinned {
public:
    Tunnel(const SshAddress& address, const std::string& command);
    ~Tunnel();

    [[nodiscard]] Path socket() const { return folder_.path() / "socket"; }
    /// What broke it, or what the command has complained of; empty when neither happened. To be asked when
    /// the connection has ended.
    [[nodiscard]] std::string complaint();

private:
    [[nodiscard]] std::string serve(const std::string& mark);

    PrivateFolder folder_;
    Fd listening_;
    SshSession session_;
    std::unique_ptr<SshChannel> channel_;
    std::future<std::string> complaint_;
    std::string known_complaint_;
};

} // namespace cpi
