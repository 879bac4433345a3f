#pragma once

#include "cpi/config/config.h"
#include "host/ssh_session.h"
#include "virt/libvirt.h"

#include <memory>

namespace cpi {

/// How the configuration says that the hypervisor's host is reached. Reads the files that it names.
[[nodiscard]] SshAddress ssh_address(const Config& config);

/// The way to the hypervisor's libvirt: by the same SSH credentials, or with the certificates of the
/// configuration. Null: the library finds it by itself.
[[nodiscard]] std::shared_ptr<Way> way_to_libvirt(const Config& config, const std::string& uri);

} // namespace cpi
