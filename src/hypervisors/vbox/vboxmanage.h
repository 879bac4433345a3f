#pragma once

#include "host/host.h"

#include <string>
#include <vector>

namespace cpi {

/// VirtualBox's own program, which is the way to it: libvirt's driver takes only versions that are no longer
/// to be had.
class VBoxManage : private Pinned {
public:
    explicit VBoxManage(Host& host) : host_{host} {}

    using Words = std::vector<std::string>;
    struct Answer {
        int status = 0;
        std::string out;
        std::string complaint; // what it wrote as the reason
        std::string code;      // of the failure, by VirtualBox's name, where it gave one
    };

    /// A failure is an answer. Waits while another call holds the VM's lock.
    [[nodiscard]] Answer ask(const Words& words, std::chrono::seconds patience = usual_patience);
    /// What it prints; a failure throws.
    std::string run(const Words& words, std::chrono::seconds patience = usual_patience);

    /// The first call starts a service, and rarely any takes ten seconds. What asks a VM's process waits for
    /// ever when that hangs.
    static constexpr std::chrono::seconds usual_patience{60};
    /// For what reads or writes a VM's memory.
    static constexpr std::chrono::seconds long_patience{600};
    static constexpr std::string_view not_found = "VBOX_E_OBJECT_NOT_FOUND";
    static constexpr std::string_view no_access = "E_ACCESSDENIED";

    /// Of the program's outputs. Pure.
    [[nodiscard]] static Answer read_answer(const Output& output);

private:
    [[nodiscard]] const std::string& program();

    Host& host_;
    std::string program_;
};

} // namespace cpi
