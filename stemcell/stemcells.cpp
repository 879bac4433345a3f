#include "stemcell/stemcells.h"

#include "base/error.h"
#include "base/units.h"
#include "records/record.h"
#include "stemcell/image_format.h"
#include "stemcell/tar_bytes.h"
#include "stemcell/unpack.h"
#include "volumes/image.h"
#include "volumes/tree.h"
#include "volumes/trees.h"
#include "xml/xml.h"

#include <algorithm>
#include <array>

namespace cpi {

namespace {

/// What stemcells with a disk image are made for, and how their agents read settings. Those for other clouds
/// ask a metadata service.
struct Infrastructure {
    std::string_view name;
    SettingsChannel settings;
};
constexpr std::array infrastructures{
    Infrastructure{"openstack", SettingsChannel::config_drive},
    Infrastructure{"vsphere", SettingsChannel::env_cdrom},
    Infrastructure{"vcloud", SettingsChannel::env_cdrom},
};

SettingsChannel settings_channel(const StemcellProperties& properties, ImageFormat format)
{
    if (properties.infrastructure.empty())
        return format == ImageFormat::vmdk ? SettingsChannel::env_cdrom : SettingsChannel::config_drive;
    const auto row = std::ranges::find(infrastructures, properties.infrastructure, &Infrastructure::name);
    if (row == infrastructures.end())
        throw Error{
            ErrorKind::not_supported,
            concat("the stemcell is made for '", properties.infrastructure,
                   "', whose agents get their settings in a way that does not exist here. Try: the stemcell "
                   "for openstack or vsphere")};
    return row->settings;
}

/// What an OVF asks for by vSphere's configuration element `firmware`.
bool ovf_wants_uefi(const std::string& ovf)
{
    const xml::Document document = xml::Document::parse(ovf, "the stemcell's OVF");
    const auto wants = [](const auto& self, const xml::Element& element) -> bool {
        if (element.attribute("vmw:key") == "firmware" && element.attribute("vmw:value") == "efi")
            return true;
        return std::ranges::any_of(element.children(),
                                   [&](const xml::Element& child) { return self(self, child); });
    };
    return wants(wants, document.root());
}

Firmware firmware_for(const StemcellProperties& properties, const std::optional<std::string>& ovf)
{
    if (properties.firmware)
        return *properties.firmware;
    return ovf && ovf_wants_uefi(*ovf) ? Firmware::uefi : Firmware::bios;
}

bool is_base_format(const Hypervisor& hypervisor, std::string_view format)
{
    return std::ranges::find(hypervisor.base_formats, format) != hypervisor.base_formats.end();
}

/// An image that is on the host already: it stays where it is.
Stemcell take_light(Host& host, const Hypervisor& hypervisor, const StemcellProperties& properties)
{
    const Path path = properties.image_path;
    const auto found = host.info(path);
    if (!path.is_absolute() || !found || found->kind != FileInfo::Kind::file)
        throw Error{ErrorKind::cloud, concat("image_path '", path.native(),
                                             "' is not a regular file on the hypervisor's host")};
    const auto image = recognise_image(host.read_start(path, image_header_bytes).value_or(""));
    // What a VMDK needs to be is known by the hypervisor that has VMDKs; the others can be read by qemu-img.
    if (!image || (image->format == ImageFormat::vmdk && !is_base_format(hypervisor, name_of(image->format))))
        throw Error{ErrorKind::cloud, concat("image_path '", path.native(),
                                             "' is not a qcow2 image or a raw one with a partition table")};
    return {.settings = settings_channel(properties, image->format),
            .firmware = firmware_for(properties, std::nullopt),
            .format = std::string{name_of(image->format)},
            .virtual_size = static_cast<std::int64_t>(image->virtual_size.value_or(found->size)),
            .hypervisor = std::string{hypervisor.name},
            .image = path.native(),
            .name = properties.name,
            .version = properties.version};
}

/// Unpacks the archive into `folder`, as an image that VMs can be layered on.
Stemcell take_archive(Host& host, const Hypervisor& hypervisor, const Path& archive, const Path& folder,
                      const StemcellProperties& properties)
{
    // An image file can be a little larger than the disk that it holds. Where the manifest says nothing there
    // is still an end to what a small archive may unfold to.
    constexpr std::uint64_t unsaid = std::uint64_t{256} << 30U;
    const std::uint64_t disk = properties.disk.bytes();
    const std::uint64_t overhead = disk / 32 + mebibyte;
    const UnpackLimits limits{disk == 0 ? unsaid : disk + overhead};

    const Path unpacked = folder / "unpacked";
    const UnpackedImage found = unpack_image(archive, host, unpacked, limits);
    std::string format{name_of(found.image.format)};
    std::uint64_t virtual_size = found.image.virtual_size.value_or(found.bytes);
    if (is_base_format(hypervisor, format) && found.image.can_be_written) {
        host.rename(unpacked, folder / file_name::image(format));
    } else {
        const std::string own{hypervisor.base_formats.front()};
        image::convert(host, {unpacked, format}, {folder / file_name::image(own), own});
        host.discard(unpacked);
        format = own;
        // A VMDK's header only claims a size: its footer may say otherwise.
        virtual_size = image::virtual_size(host, {folder / file_name::image(own), own});
    }
    if (format != name_of(ImageFormat::raw))
        image::check(host, {folder / file_name::image(format), format});
    // The hypervisor reads it for every VM as it is, whoever owns it.
    run_ok(host, {{"chmod", "0644", (folder / file_name::image(format)).native()}});
    return {.settings = settings_channel(properties, found.image.format),
            .firmware = firmware_for(properties, found.ovf),
            .format = format,
            .virtual_size = static_cast<std::int64_t>(virtual_size),
            .hypervisor = std::string{hypervisor.name},
            .image = {},
            .name = properties.name,
            .version = properties.version};
}

/// A container's root file system has one of these.
constexpr std::array<const char*, 3> inits{"sbin/init", "usr/sbin/init", "usr/sbin/runsvdir-start"};

/// Others can make no files that are root's, and mount nothing.
void require_root(Host& host)
{
    const std::string user = trim(run_ok(host, {{"id", "-u"}}));
    if (user != "0")
        throw Error{ErrorKind::cloud,
                    concat("containers need root on the hypervisor's host, and the CPI has the user id ",
                           user, " there. Try: run it as root, or for a remote host set username: root")};
}

/// Unpacks a root file system and puts it where VMs can share it.
Stemcell take_tree(Store& store, const Hypervisor& hypervisor, const Path& archive, const Path& folder,
                   const StemcellProperties& properties, const std::optional<IdMap>& ids)
{
    if (!properties.infrastructure.empty() && properties.infrastructure != "warden")
        throw Error{ErrorKind::not_supported,
                    concat("the stemcell is made for '", properties.infrastructure, "', and ",
                           hypervisor.name, " needs one for warden, whose image is a root file system")};
    static_cast<void>(open_stemcell(archive)); // before tar, which would wait
    Host& host = store.host();
    require_root(host);
    const Path built = folder / "unpacked";
    host.make_directory(built, Access::owner);
    const Path root = tree::root_of(built);
    while_doing(concat("unpacking ", stemcell_image(archive)), [&] {
        const Path copy = folder / "archive";
        tree::unpack(host, host.bring(archive, copy), root, ids);
        host.discard(copy);
    });
    if (std::ranges::none_of(inits, [&](const char* init) { return host.info(root / init).has_value(); }))
        throw Error{ErrorKind::cloud,
                    concat(stemcell_image(archive), " is not a root file system: it has none of ",
                           join(std::vector<std::string>{inits.begin(), inits.end()}, ", "),
                           ". Try: a warden stemcell")};
    trees::keep(store, built, folder);
    return {.settings = SettingsChannel::warden_file,
            .firmware = Firmware::bios,
            .format = {},
            .virtual_size = 0,
            .hypervisor = std::string{hypervisor.name},
            .image = {},
            .name = properties.name,
            .version = properties.version,
            .ids = ids};
}

Stemcell take(Store& store, const Hypervisor& hypervisor, const Path& image, const Path& folder,
              const StemcellProperties& properties, const std::optional<IdMap>& ids)
{
    if (hypervisor.root == Root::tree)
        return take_tree(store, hypervisor, image, folder, properties, ids);
    return properties.image_path.empty() ? take_archive(store.host(), hypervisor, image, folder, properties)
                                         : take_light(store.host(), hypervisor, properties);
}

} // namespace

StemcellCid import_stemcell(Store& store, const Hypervisor& hypervisor, const Path& image,
                            const StemcellProperties& properties, const json::VerbatimObject& tags,
                            const std::optional<IdMap>& ids)
{
    auto cid = new_cid<StemcellCid>();
    store.sweep(store.layout().stemcells(), StemcellTag::prefix, [](const std::string&) {});
    Creation creation{store, store.layout().stemcells(), cid.str()};
    Stemcell stemcell = take(store, hypervisor, image, creation.staging(), properties, ids);
    stemcell.tags = tags;
    store.host().publish(creation.staging() / file_name::stemcell_record, record_text(stemcell),
                         Access::everyone);
    creation.publish();
    creation.finish();
    return cid;
}

Stemcell load_stemcell(Store& store, const StemcellCid& cid)
{
    store.require();
    const auto record = store.host().read(store.layout().of(cid) / file_name::stemcell_record);
    if (!record)
        throw Error{ErrorKind::cloud,
                    concat("stemcell '", cid.str(), "' not found in ", store.layout().root().native())};
    return read_record<Stemcell>(*record, concat("the record of stemcell '", cid.str(), "'"));
}

void remove_stemcell(Store& store, const StemcellCid& cid)
{
    const auto lock = store.lock(cid);
    trees::discard_holder(store, cid);
}

} // namespace cpi
