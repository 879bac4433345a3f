#pragma once

#include <libssh2.h>

#include <cstddef>

namespace cpi {

/// Every function of libssh2 that the CPI calls, and one of the library beneath it, which makes fingerprints.
/// The library is loaded when one is first needed: calls on this machine do not pay for it.
// clang-format off
#define LIBSSH2_FUNCTIONS(each) \
    each(libssh2_init) \
    each(libssh2_session_init_ex) \
    each(libssh2_session_free) \
    each(libssh2_session_set_blocking) \
    each(libssh2_session_method_pref) \
    each(libssh2_session_handshake) \
    each(libssh2_session_hostkey) \
    each(libssh2_session_last_error) \
    each(libssh2_session_block_directions) \
    each(libssh2_userauth_publickey_frommemory) \
    each(libssh2_keepalive_config) \
    each(libssh2_keepalive_send) \
    each(libssh2_channel_open_ex) \
    each(libssh2_channel_process_startup) \
    each(libssh2_channel_read_ex) \
    each(libssh2_channel_write_ex) \
    each(libssh2_channel_send_eof) \
    each(libssh2_channel_eof) \
    each(libssh2_channel_free) \
    each(libssh2_knownhost_init) \
    each(libssh2_knownhost_readline) \
    each(libssh2_knownhost_checkp) \
    each(libssh2_knownhost_get) \
    each(libssh2_knownhost_free)
// clang-format on

struct SshApi {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name cannot be in parentheses
#define MEMBER(name) decltype(&::name) name;
    LIBSSH2_FUNCTIONS(MEMBER)
#undef MEMBER
    unsigned char* (*SHA256)(const unsigned char* bytes, std::size_t count, unsigned char* digest);
};

/// Loads libssh2, once.
[[nodiscard]] const SshApi& ssh_api();

} // namespace cpi
