#pragma once

#include "base/log.h"
#include "base/pinned.h"
#include "base/undo.h"
#include "records/layout.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cpi {

/// The store on the hypervisor's host.
class Store : private Pinned {
public:
    Store(Host& host, Layout layout, Log& log) : host_{host}, layout_{std::move(layout)}, log_{log} {}

    [[nodiscard]] Host& host() noexcept { return host_; }
    [[nodiscard]] Log& log() noexcept { return log_; }
    [[nodiscard]] const Layout& layout() const noexcept { return layout_; }

    /// Throws unless the store is there. It is never made silently: a store on a disk that is not mounted
    /// would look like an empty one, and the Director would believe that all is lost.
    void require();
    /// Whether the object's folder is there; throws when the store itself is not.
    template <class Tag>
    [[nodiscard]] bool has(const Id<Tag>& cid)
    {
        require();
        return host_.info(layout_.of(cid)).has_value();
    }
    /// A file of the object's folder, which may not have come to its place yet; nothing when it has none.
    template <class Tag>
    [[nodiscard]] std::optional<std::string> read(const Id<Tag>& cid, std::string_view file)
    {
        const Path place = layout_.of(cid);
        auto text = host_.read(Layout::staging_of(place) / file);
        return text ? text : host_.read(place / file);
    }
    /// Whether the object has a mark: a call is making or removing it, or was killed as it did.
    template <class Tag>
    [[nodiscard]] bool is_begun(const Id<Tag>& cid)
    {
        return host_.info(layout_.in_progress(cid)).has_value();
    }
    /// Whether a call is making the object just now.
    template <class Tag>
    [[nodiscard]] bool is_in_progress(const Id<Tag>& cid)
    {
        const Path mark = layout_.in_progress(cid);
        return host_.info(mark) && !host_.try_lock(mark);
    }
    /// Waits for the object's lock. Null: there is no such object.
    template <class Tag>
    [[nodiscard]] std::unique_ptr<HeldLock> lock(const Id<Tag>& cid)
    {
        require();
        return lock_folder(layout_.of(cid));
    }

    /// Removes the object's folder and, before it, the images elsewhere that links in it lead to.
    template <class Tag>
    void discard(const Id<Tag>& cid)
    {
        discard_object(layout_.of(cid), cid.str());
    }
    /// Where an image of an object is made: in the folder itself or, when `pool` is not empty, in that
    /// directory, with a link in the folder.
    [[nodiscard]] Path place_image(const Path& folder, const std::string& object, const std::string& name,
                                   const Path& pool);
    /// Removes an image, wherever it is.
    void discard_image(const Path& folder, const std::string& object, const std::string& name);
    /// Waits until no other call holds this lock: for objects of a kind that must be made one at a time, in
    /// `folder`, which is made when it is not there.
    [[nodiscard]] std::unique_ptr<HeldLock> lock_kind(const Path& folder);

    /// Takes away what calls that were killed have left of objects of one kind: `folder` is theirs, `prefix`
    /// begins their names, and `forget` (given each name) removes what is not a file.
    /// What cannot be removed now is left to a later sweep: it must not fail the call that happens to sweep.
    void sweep(const Path& folder, std::string_view prefix,
               const std::function<void(const std::string&)>& forget);
    /// Of that only what has a mark: all that can do harm as long as it is there.
    void sweep_begun(const Path& folder, std::string_view prefix,
                     const std::function<void(const std::string&)>& forget);
    /// Removes what is left of something, or says that it could not: it must not fail the call that happens
    /// to sweep.
    void tolerate(const std::string& name, const std::function<void()>& removal);

private:
    friend class Creation;
    [[nodiscard]] std::unique_ptr<HeldLock> lock_folder(const Path& folder);
    /// For an object in the making in `folder`.
    void make_ready(const Path& folder);
    void discard_object(const Path& folder, const std::string& object);
    void remove_traces(const Path& folder, const std::string& name);
    void sweep_abandoned(const Path& folder, const std::string& name,
                         const std::function<void(const std::string&)>& forget);

    Host& host_;
    Layout layout_;
    Log& log_;
    bool is_there_ = false; // it was when it was asked for first
};

/// One object in the making. It is built in `staging()`, put in its place by `publish()`, and stays when
/// `finish()` was called; otherwise nothing of it remains. What could not be taken back, for the process was
/// killed or a step of `undo()` failed, keeps its mark and its folder: the next sweep removes it by them.
class Creation : private Pinned {
public:
    Creation(Store& store, const Path& folder, std::string name);
    ~Creation();

    [[nodiscard]] const Path& staging() const noexcept { return staging_; }
    [[nodiscard]] const Path& place() const noexcept { return place_; }
    /// For what is made of the object outside its folder.
    [[nodiscard]] Undo& undo() noexcept { return undo_; }
    void publish();
    void finish();

private:
    Store& store_;
    Path folder_;
    std::string name_;
    Path place_;
    Path staging_;
    std::unique_ptr<HeldLock> making_;
    Undo undo_;
    bool finished_ = false;
};

} // namespace cpi
