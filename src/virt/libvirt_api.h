#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

namespace cpi {

/// Every function of libvirt that the CPI calls. The library is loaded when one is first needed: a call that
/// needs none (the Director asks for `info` before each other call) does not pay for it.
// clang-format off
#define LIBVIRT_FUNCTIONS(each) \
    each(virInitialize) \
    each(virSetErrorFunc) \
    each(virGetLastError) \
    each(virResetLastError) \
    each(virConnectOpen) \
    each(virConnectClose) \
    each(virConnectIsAlive) \
    each(virDomainLookupByName) \
    each(virDomainFree) \
    each(virDomainIsActive) \
    each(virDomainDefineXMLFlags) \
    each(virDomainUndefineFlags) \
    each(virDomainCreate) \
    each(virDomainDestroyFlags) \
    each(virDomainShutdownFlags) \
    each(virDomainGetState) \
    each(virDomainSuspend) \
    each(virDomainResume) \
    each(virDomainSendProcessSignal) \
    each(virDomainGetXMLDesc) \
    each(virDomainAttachDeviceFlags) \
    each(virDomainDetachDeviceFlags) \
    each(virDomainSetMetadata) \
    each(virDomainSetAutostart) \
    each(virDomainBlockResize) \
    each(virDomainGetBlockInfo) \
    each(virDomainBackupBegin) \
    each(virDomainGetJobStats) \
    each(virDomainAbortJob) \
    each(virDomainBackupGetXMLDesc) \
    each(virDomainFSFreeze) \
    each(virDomainFSThaw) \
    each(virTypedParamsFree) \
    each(virTypedParamsGetString) \
    each(virNetworkLookupByName) \
    each(virNetworkFree) \
    each(virNetworkIsActive) \
    each(virNetworkCreate) \
    each(virNetworkSetAutostart) \
    each(virNetworkGetAutostart) \
    each(virNetworkDefineXML) \
    each(virNetworkUndefine) \
    each(virSecretLookupByUsage) \
    each(virSecretFree) \
    each(virSecretDefineXML) \
    each(virSecretSetValue) \
    each(virSecretGetValue) \
    each(virSecretUndefine) \
    each(virStoragePoolLookupByName) \
    each(virStoragePoolFree) \
    each(virStoragePoolIsActive) \
    each(virStoragePoolGetXMLDesc) \
    each(virStoragePoolRefresh) \
    each(virStoragePoolGetAutostart) \
    each(virConnectListAllDomains) \
    each(virDomainGetName) \
    each(virConnectListAllNetworks) \
    each(virNetworkGetXMLDesc) \
    each(virNetworkLookupByUUIDString) \
    each(virNetworkDestroy) \
    each(virNetworkIsPersistent) \
    each(virNetworkUpdate) \
    each(virNetworkGetDHCPLeases) \
    each(virNetworkDHCPLeaseFree) \
    each(virConnectGetLibVersion)
// clang-format on

struct LibvirtApi {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name cannot be in parentheses
#define MEMBER(name) decltype(&::name) name;
    LIBVIRT_FUNCTIONS(MEMBER)
#undef MEMBER
};

/// Loads libvirt, once.
[[nodiscard]] const LibvirtApi& libvirt_api();

} // namespace cpi
