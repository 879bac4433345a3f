#include "host/host_keys.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/text.h"
#include "host/ssh_api.h"

#include <algorithm>
#include <array>
#include <set>

namespace cpi {

namespace {

struct FreeKnownHosts {
    void operator()(LIBSSH2_KNOWNHOSTS* hosts) const noexcept { ssh_api().libssh2_knownhost_free(hosts); }
};

/// "ssh-ed25519" of a key as it is sent: the length of its type's name, the name, and the rest.
std::string type_of(std::string_view key)
{
    constexpr std::size_t length_bytes = 4;
    if (key.size() < length_bytes)
        return {};
    std::size_t length = 0;
    for (const char byte : key.substr(0, length_bytes))
        length = length << 8U | static_cast<unsigned char>(byte);
    return std::string{key.substr(length_bytes, length)};
}

/// As ssh-keygen prints it.
std::string fingerprint(std::string_view key)
{
    std::array<unsigned char, 32> digest{};
    // NOLINTNEXTLINE(*-reinterpret-cast): bytes are bytes
    ssh_api().SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
    std::string text = encode_base64(std::string{digest.begin(), digest.end()});
    text.resize(text.find_last_not_of('=') + 1);
    return concat("SHA256:", text);
}

bool is_public_key(std::string_view line)
{
    constexpr std::array<std::string_view, 2> types{"ssh-", "ecdsa-sha2-"};
    return std::ranges::any_of(types, [&](std::string_view type) { return line.starts_with(type); });
}

} // namespace

struct HostKeys::Known {
    std::unique_ptr<LIBSSH2_KNOWNHOSTS, FreeKnownHosts> hosts;

    [[nodiscard]] bool has(const SshAddress& address, std::string_view key, int encoding) const
    {
        return ssh_api().libssh2_knownhost_checkp(
                   hosts.get(), address.host.c_str(), static_cast<int>(address.port), key.data(), key.size(),
                   LIBSSH2_KNOWNHOST_TYPE_PLAIN | encoding, nullptr) == LIBSSH2_KNOWNHOST_CHECK_MATCH;
    }
    /// As they are sent.
    [[nodiscard]] std::vector<std::string> keys_of(const SshAddress& address) const;
};

std::vector<std::string> HostKeys::Known::keys_of(const SshAddress& address) const
{
    std::vector<std::string> keys;
    libssh2_knownhost* entry = nullptr;
    while (ssh_api().libssh2_knownhost_get(hosts.get(), &entry, entry) == 0)
        if (has(address, entry->key, LIBSSH2_KNOWNHOST_KEYENC_BASE64))
            keys.push_back(decode_base64(entry->key).value_or(""));
    return keys;
}

HostKeys::HostKeys(LIBSSH2_SESSION* session, const SshAddress& address)
    : session_{session}, address_{address}, known_{std::make_unique<Known>()}
{
    known_->hosts.reset(ssh_api().libssh2_knownhost_init(session));
    for (const auto& each : split(address.known_hosts, '\n')) {
        std::string line = trim(each);
        if (line.empty() || line.starts_with('#') || line.starts_with('@'))
            continue;
        if (is_public_key(line))
            line = concat(address.host, " ", line);
        if (ssh_api().libssh2_knownhost_readline(known_->hosts.get(), line.data(), line.size(),
                                                 LIBSSH2_KNOWNHOST_FILE_OPENSSH) != 0)
            throw Error{ErrorKind::cpi, concat("'", line, "' is no line of a known_hosts or .pub file")};
    }
}

HostKeys::~HostKeys() = default;

std::string HostKeys::types() const
{
    std::vector<std::string> types;
    for (const auto& key : known_->keys_of(address_))
        if (std::string type = type_of(key); std::ranges::find(types, type) == types.end())
            types.push_back(std::move(type));
    return join(types, ",");
}

void HostKeys::check() const
{
    std::size_t length = 0;
    int type = 0;
    const char* bytes = ssh_api().libssh2_session_hostkey(session_, &length, &type);
    const std::string_view shown{bytes, bytes == nullptr ? 0 : length};
    if (known_->has(address_, shown, LIBSSH2_KNOWNHOST_KEYENC_RAW))
        return;
    std::vector<std::string> expected;
    for (const auto& key : known_->keys_of(address_))
        expected.push_back(concat(type_of(key), " ", fingerprint(key)));
    const std::string line = concat(type_of(shown), " ", encode_base64(shown));
    throw Error{
        ErrorKind::cloud,
        concat("it shows the host key ", type_of(shown), " ", fingerprint(shown), ", ",
               expected.empty() ? "and none is known of it" : concat("expected ", join(expected, " or ")),
               ". Somebody may be in between. Try: on that machine, ssh-keygen -lf "
               "/etc/ssh/ssh_host_ed25519_key.pub; if it is the same fingerprint, 'host_key' is ",
               line)};
}

} // namespace cpi
