#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpi {

/// How a NIC shares the host's interface that it is plugged into directly.
enum class DirectMode { bridge, vepa, isolated, passthrough };

[[nodiscard]] constexpr std::string_view word_of(DirectMode mode) noexcept
{
    switch (mode) {
    case DirectMode::vepa: return "vepa";
    case DirectMode::isolated: return "private";
    case DirectMode::passthrough: return "passthrough";
    case DirectMode::bridge: break;
    }
    return "bridge";
}

/// What a NIC is plugged into.
struct NicSource {
    enum class Kind {
        network, // of libvirt
        bridge,  // of the host; for VirtualBox any of the host's interfaces
        openvswitch,
        direct,
        // VirtualBox's own
        nat, // has no name: each VM has one for itself
        nat_network,
        host_only,
        internal,
    };
    Kind kind = Kind::network;
    std::string name;           // of the network, of the host's bridge, or of its interface
    std::string portgroup = {}; // of a libvirt network
    DirectMode mode = DirectMode::bridge;
    bool operator==(const NicSource&) const = default;
};

/// "network 'default'", for people.
[[nodiscard]] std::string describe(const NicSource& source);

enum class NicModel { virtio, e1000, e1000e, rtl8139, vmxnet3 };

[[nodiscard]] constexpr std::string_view word_of(NicModel model) noexcept
{
    switch (model) {
    case NicModel::e1000: return "e1000";
    case NicModel::e1000e: return "e1000e";
    case NicModel::rtl8139: return "rtl8139";
    case NicModel::vmxnet3: return "vmxnet3";
    case NicModel::virtio: break;
    }
    return "virtio";
}

struct Vlan {
    std::vector<unsigned> tags;
    bool trunk = false; // the guest sees the tags
    bool operator==(const Vlan&) const = default;
};

/// In KiB and KiB/s.
struct Rate {
    std::uint64_t average = 0;
    std::optional<std::uint64_t> peak = {};
    std::optional<std::uint64_t> burst = {};
    bool operator==(const Rate&) const = default;
};

struct Bandwidth {
    std::optional<Rate> inbound; // to the VM
    std::optional<Rate> outbound;
    bool operator==(const Bandwidth&) const = default;
};

/// An address as a NIC has it. With a gateway, the default route of its family goes there.
struct NicAddress {
    std::string ip;
    unsigned prefix = 0;
    std::string gateway = {};
    bool operator==(const NicAddress&) const = default;
};

struct Nic {
    NicSource source;
    std::string mac;
    NicModel model = NicModel::virtio;
    std::optional<unsigned> mtu = {};
    std::optional<Vlan> vlan = {};
    std::optional<Bandwidth> bandwidth = {};
    std::string filter = {};                 // the name of a libvirt nwfilter; none when empty
    std::vector<std::string> addresses = {}; // those that the filter lets through
    std::vector<NicAddress> settled = {};    // what it has, as far as the guest does not ask DHCP
};

/// A MAC address of QEMU's range that follows from the VM and the network's name: the same whenever it is
/// asked for.
[[nodiscard]] std::string stable_mac(std::string_view vm, std::string_view network);

/// In lower case; nothing when `text` is not a MAC address of one station.
[[nodiscard]] std::optional<std::string> parse_mac(std::string_view text);

} // namespace cpi
