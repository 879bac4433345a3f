#pragma once

#include "cpi/config.h"
#include "host/ssh_session.h"
#include "virt/libvirt.h"

#include <memory>

namespace cpi {

/// How the configuration says that the hypervisor's host is reached. Reads the files that it names.
[[nodiscard]] SshAddress ssh_address(const Config& config);

/// The way to the libvirt of that host, with the same credentials. Null: the URI says another one (qemu+tls).
[[nodiscard]] std::shared_ptr<Way> ssh_way(const Config& config, const std::string& uri);

} // namespace cpi
