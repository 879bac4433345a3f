#pragma once

#include <string>
#include <string_view>

namespace cpi {

/// What a NIC is plugged into.
struct NicSource {
    enum class Kind { network, bridge };
    Kind kind = Kind::network;
    std::string name; // of libvirt's network, or of the host's bridge
};

struct Nic {
    NicSource source;
    std::string mac;
};

/// A MAC address of QEMU's range that follows from the VM and the network's name: the same whenever it is
/// asked for.
[[nodiscard]] std::string stable_mac(std::string_view vm, std::string_view network);

} // namespace cpi
