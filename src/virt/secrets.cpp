#include "virt/connection.h"
#include "xml/xml.h"

namespace cpi {

SecretPtr Libvirt::Connection::find_secret(const std::string& usage) const
{
    return SecretPtr{run(
        {concat("looking up the secret '", usage, "'"), "secret-list", short_call, VIR_ERR_NO_SECRET}, [&] {
            return libvirt_api().virSecretLookupByUsage(handle.get(), VIR_SECRET_USAGE_TYPE_VOLUME,
                                                        usage.c_str());
        })};
}

void Libvirt::keep_secret(const std::string& usage, const Secret& value)
{
    const Connection& libvirt = connection();
    const Step step{concat("keeping the secret '", usage, "'"), "secret-list"};
    SecretPtr secret = libvirt.find_secret(usage);
    if (!secret) {
        const xml::Document definition{"secret"};
        definition.root().set("ephemeral", "no").set("private", "no");
        definition.root().add("description", "the key of disks that the BOSH CPI made");
        definition.root().add("usage").set("type", "volume").add("volume", usage);
        secret.reset(libvirt.run(step, [&] {
            return libvirt_api().virSecretDefineXML(libvirt.handle.get(), definition.to_text().c_str(), 0);
        }));
    }
    const std::string& bytes = value.reveal();
    libvirt.run(step, [&] {
        // NOLINTNEXTLINE(*-reinterpret-cast): libvirt's bytes are unsigned
        return libvirt_api().virSecretSetValue(
            secret.get(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), 0);
    });
}

std::optional<Secret> Libvirt::secret(const std::string& usage)
{
    const Connection& libvirt = connection();
    const SecretPtr secret = libvirt.find_secret(usage);
    if (!secret)
        return std::nullopt;
    std::size_t size = 0;
    using Bytes = std::unique_ptr<unsigned char, FreedBy<std::free>>;
    const Bytes bytes{libvirt.run({concat("reading the secret '", usage, "'"), "secret-list"},
                                  [&] { return libvirt_api().virSecretGetValue(secret.get(), &size, 0); })};
    return Secret{std::string{bytes.get(), bytes.get() + size}};
}

void Libvirt::forget_secret(const std::string& usage)
{
    const Connection& libvirt = connection();
    const SecretPtr secret = libvirt.find_secret(usage);
    if (secret)
        libvirt.run(
            {concat("removing the secret '", usage, "'"), "secret-list", short_call, VIR_ERR_NO_SECRET},
            [&] { return libvirt_api().virSecretUndefine(secret.get()); });
}

} // namespace cpi
