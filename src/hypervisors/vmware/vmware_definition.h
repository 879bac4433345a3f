#pragma once

#include "hypervisor/domain_spec.h"

#include <optional>
#include <string>
#include <string_view>

/// What VMware's VMs are, in libvirt's words, and what libvirt makes of that: VMware's file with a VM's
/// configuration, the VMX. Pure.
namespace cpi::vmware {

/// Throws for a NIC that VMware cannot plug in.
void check_nic(const Nic& nic);

/// The record of a VM, which libvirt does not keep: its definition, with the serial number of each disk that
/// has one.
[[nodiscard]] std::string record_of(const DomainSpec& spec, const std::string& uuid);
/// The same as libvirt takes it.
[[nodiscard]] std::string definition_of(std::string_view record);

[[nodiscard]] std::string with_disk(std::string_view record, const DiskSpec& disk);
[[nodiscard]] std::string without_disk(std::string_view record, std::string_view serial);
[[nodiscard]] std::string with_description(std::string_view record, const std::string& description);

/// How a guest finds a disk: its root disk, which is unit 0, tells it the controller.
[[nodiscard]] DiskHint hint(const DiskSpec& disk);

/// The place of a disk on the VM's SCSI controller. Nothing: it has no such disk.
[[nodiscard]] std::optional<unsigned> unit_of(std::string_view record, std::string_view serial);
/// A place that is free. Throws when there is none, or none where a guest would find the disk.
[[nodiscard]] unsigned free_unit(std::string_view record);

/// At least as many bytes as the VMX will have when it is started.
[[nodiscard]] std::size_t vmx_size(std::string_view record);
/// Throws for a VM whose VMX would become larger than libvirt reads when VMware has added its own lines to
/// it: while such a VM runs libvirt does not do anything.
void check_vmx_size(std::string_view record);
/// libvirt's VMX with what libvirt has no words for.
[[nodiscard]] std::string finished_vmx(std::string_view vmx, std::string_view record);

/// The lines of VMware's log that say why a VM did not start.
[[nodiscard]] std::string reason_in(std::string_view log);

} // namespace cpi::vmware
