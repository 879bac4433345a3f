#include "records/store.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

namespace cpi {

void Store::require()
{
    if (is_there_)
        return;
    const auto found = host_.info(layout_.root() / "."); // it may be a symbolic link
    if (!found || found->kind != FileInfo::Kind::directory)
        throw Error{ErrorKind::cloud,
                    concat("store_dir '", layout_.root().native(),
                           found ? "' is not a directory" : "' does not exist",
                           " on the hypervisor's host. Try: install -d -m 0711 ",
                           shell_quote(layout_.root().native()), ", or mount the file system that holds it")};
    is_there_ = true;
}

std::unique_ptr<HeldLock> Store::lock_folder(const Path& folder)
{
    // A call that makes a stemcell or stops a VM may hold it for minutes.
    constexpr std::chrono::minutes patience{5};
    return host_.lock(folder / file_name::lock, Deadline{patience});
}

Path Store::place_image(const Path& folder, const std::string& object, const std::string& name,
                        const Path& pool)
{
    if (pool.empty())
        return folder / name;
    // The link comes first: whatever is made behind it is found again.
    Path target = pool / concat(object, "-", name);
    host_.point(folder / name, target);
    return target;
}

void Store::discard_image(const Path& folder, const std::string& object, const std::string& name)
{
    const auto target = host_.target_of(folder / name);
    if (target && target->filename().native().starts_with(object))
        host_.discard(*target);
    host_.discard(folder / name);
}

void Store::discard_object(const Path& folder, const std::string& object)
{
    for (const auto& name : host_.links(folder))
        discard_image(folder, object, name);
    host_.discard(folder);
}

std::unique_ptr<HeldLock> Store::lock_kind(const Path& folder)
{
    require();
    host_.make_directory(folder);
    const Path file = folder / file_name::lock;
    if (!host_.info(file)) {
        try {
            host_.create_blank(file, 0);
        } catch (const Error&) {
            if (!host_.info(file)) // another call was first
                throw;
        }
    }
    return lock_folder(folder);
}

void Store::remove_traces(const Path& folder, const std::string& name)
{
    discard_object(folder / name, name);
    discard_object(Layout::staging_of(folder / name), name);
    host_.discard(layout_.in_progress() / name);
}

void Store::sweep_begun(const Path& folder, std::string_view prefix,
                        const std::function<void(const std::string&)>& forget)
{
    for (const auto& name : host_.list(layout_.in_progress()))
        if (name.starts_with(prefix))
            tolerate(name, [&] { sweep_abandoned(folder, name, forget); });
}

void Store::sweep(const Path& folder, std::string_view prefix,
                  const std::function<void(const std::string&)>& forget)
{
    sweep_begun(folder, prefix, forget);
    for (const auto& name : host_.list(folder)) {
        // The mark comes before the staging folder and goes after it: without the mark nobody is at work
        // there.
        const bool is_orphan =
            name.starts_with(Layout::staging_prefix) &&
            !host_.info(layout_.in_progress() / name.substr(Layout::staging_prefix.size()));
        if (is_orphan || name.starts_with(discarded_prefix))
            tolerate(name, [&] { host_.discard(folder / name); });
    }
}

void Store::sweep_abandoned(const Path& folder, const std::string& name,
                            const std::function<void(const std::string&)>& forget)
{
    // Whoever still makes the object holds the lock.
    const auto abandoned = host_.try_lock(layout_.in_progress() / name);
    if (!abandoned)
        return;
    log_.warning(concat("removing what an interrupted call has left of ", name));
    forget(name);
    remove_traces(folder, name);
}

void Store::tolerate(const std::string& name, const std::function<void()>& removal)
{
    try {
        removal();
    } catch (const std::exception& error) {
        log_.warning(concat("what is left of ", name, " is not removed yet: ", error.what()));
    }
}

void Store::make_ready(const Path& folder)
{
    require();
    try {
        host_.make_directory(layout_.in_progress());
        host_.make_directory(folder);
    } catch (const Error& error) {
        if (error.code() != std::errc::permission_denied)
            throw;
        throw Error{error.kind(),
                    concat(error.what(), ". Try: chown -R USER ", shell_quote(layout_.root().native()),
                           ", with whom the CPI is there")};
    }
}

Creation::Creation(Store& store, const Path& folder, std::string name)
    : store_{store}, folder_{folder}, name_{std::move(name)}, place_{folder / name_},
      staging_{Layout::staging_of(place_)}, undo_{store.log()}
{
    store_.make_ready(folder);
    making_ = store_.host().create_locked(store_.layout().in_progress() / name_);
    store_.host().make_directory(staging_);
    store_.host().create_blank(staging_ / file_name::lock, 0);
}

Creation::~Creation()
{
    if (finished_)
        return;
    const ShieldFromInterrupt shield;
    try {
        if (undo_.run())
            store_.remove_traces(folder_, name_);
        else
            store_.log().error(concat("what is left of ", name_, " is removed by a later call"));
    } catch (const std::exception& error) {
        store_.log().error(concat("could not remove what was made of ", name_, ": ", error.what()));
    }
}

void Creation::publish()
{
    store_.host().rename(staging_, place_);
}

void Creation::finish()
{
    // Whoever asked the call to end will not read that the object exists.
    check_interrupt();
    store_.host().discard(store_.layout().in_progress() / name_);
    undo_.keep();
    finished_ = true;
}

} // namespace cpi
