#include "cpi/vm/files.h"

#include "cpi/disk/options.h"
#include "cpi/vm/agent_settings.h"
#include "volumes/tree.h"
#include "volumes/trees.h"

namespace cpi {

namespace {

/// Where the agent of a warden stemcell reads its settings, within its root file system.
const Path warden_settings = "var/vcap/bosh/warden-cpi-agent-env.json";

image::Image place_image(Store& store, const VmPlan& plan, const VmPlace& place, const DiskSpec& disk)
{
    return {store.place_image(place.folder, plan.cid.str(), disk.file.filename().native(), place.pool),
            disk.format, place.key};
}

/// Puts the base in its place; what it is called in the image above it.
Path place_base(Store& store, const VmPlan& plan, const VmPlace& place, const BaseImage& base)
{
    if (!base.is_stemcells)
        return base.file;
    store.host().link(store.layout().of(plan.stemcell_cid) / file_name::image(base.format),
                      place.folder / base.file.filename());
    return place.pool.empty() ? base.file.filename() : base.file;
}

void make_root_disk(Store& store, const VmPlan& plan, const VmPlace& place)
{
    const Stemcell& stemcell = plan.stemcell;
    const DiskOptions& options = plan.properties;
    std::optional<Mebibytes> size;
    if (plan.properties.root_disk)
        size = Mebibytes{static_cast<std::uint64_t>(plan.properties.root_disk->value)};
    const image::Image root = place_image(store, plan, place, plan.spec.root);
    if (plan.spec.root.base) {
        const auto all = static_cast<std::uint64_t>(stemcell.virtual_size);
        image::create_overlay(store.host(), root,
                              place_base(store, plan, place, *plan.spec.root.base).native(), stemcell.format,
                              size ? size->bytes() : all);
        return;
    }
    const Path base = stemcell.image.empty()
                          ? store.layout().of(plan.stemcell_cid) / file_name::image(stemcell.format)
                          : Path{stemcell.image};
    const bool is_our_format = stemcell.image.empty() && stemcell.format == root.format;
    if (is_our_format && !root.key && options.preallocation == Preallocation::off)
        image::copy(store.host(), {base, stemcell.format}, root.file);
    else
        image::convert(store.host(), {base, stemcell.format}, root, options.preallocation);
    if (size)
        image::resize(store.host(), root, *size, options.preallocation);
}

/// A plain one is made without a program's help.
void make_ephemeral_disk(Cpi& cpi, const VmPlan& plan, const VmPlace& place)
{
    const Mebibytes size = plan.properties.ephemeral_disk;
    const Preallocation preallocation = plan.properties.preallocation;
    const image::Image image = place_image(cpi.store(), plan, place, *plan.spec.ephemeral);
    const bool plain = image.format == word_of(DiskFormat::raw) && !image.key &&
                       preallocation == Preallocation::off && !cpi.hypervisor().disks_hold_file_systems;
    if (!plain) {
        make_image(cpi, image, size, preallocation);
        return;
    }
    cpi.host().create_blank(image.file, size.bytes());
}

/// A container's root file system, with the settings where its agent looks for them.
void make_tree(Cpi& cpi, const VmPlan& plan, const VmPlace& place, const Secret& settings)
{
    const Path base = trees::share(cpi.store(), cpi.store().layout().of(plan.stemcell_cid), place.folder);
    const Path folder = place.folder / file_name::container;
    tree::layer(cpi.host(), tree::root_of(base), folder, plan.properties.root_filesystem, plan.spec.ids);
    const Path file =
        tree::make_folder_within(cpi.host(), tree::root_of(folder), warden_settings.parent_path()) /
        warden_settings.filename();
    cpi.host().publish(file, settings.reveal(), Access::owner);
    tree::give_to_root(cpi.host(), file, plan.spec.ids);
}

} // namespace

void make_files(Cpi& cpi, const VmPlan& plan, const VmPlace& place, const Secret& settings)
{
    if (plan.spec.ephemeral)
        while_doing(concat("making the ephemeral disk ('ephemeral_disk': ",
                           plan.properties.ephemeral_disk.count, " MiB)"),
                    [&] { make_ephemeral_disk(cpi, plan, place); });
    if (cpi.hypervisor().root == Root::tree) {
        make_tree(cpi, plan, place, settings);
        return;
    }
    const auto& size = plan.properties.root_disk;
    while_doing(concat("making the root disk ('root_disk': ",
                       size ? concat(size->value, " MiB") : "the stemcell's", ")"),
                [&] { make_root_disk(cpi.store(), plan, place); });
    cpi.host().publish(place.folder / file_name::settings,
                       settings_medium(plan.stemcell.settings, settings, plan.cid).reveal(), Access::owner);
}

} // namespace cpi
