#pragma once

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <compare>
#include <string>

namespace cpi {

/// A cloud ID: also a file name and a libvirt name, so nothing but its prefix and [a-z0-9-].
/// Whoever holds one holds a name that cannot leave its folder.
template <class Tag>
class Id {
public:
    explicit Id(std::string text) : text_{std::move(text)}
    {
        const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
        if (!text_.starts_with(Tag::prefix) || text_.size() == Tag::prefix.size() || text_.size() > 64 ||
            !std::ranges::all_of(text_, plain))
            throw Error{ErrorKind::invalid_call,
                        concat("not a ", Tag::noun, ": '", printable_utf8(text_.substr(0, 80)),
                               "' (expected '", Tag::prefix, "…' of a-z, 0-9 and '-')")};
    }
    [[nodiscard]] const std::string& str() const noexcept { return text_; }
    auto operator<=>(const Id&) const = default;

private:
    std::string text_;
};

struct VmTag {
    static constexpr std::string_view noun = "VM cid";
    static constexpr std::string_view prefix = "vm-";
};
struct DiskTag {
    static constexpr std::string_view noun = "disk cid";
    static constexpr std::string_view prefix = "disk-";
};
struct StemcellTag {
    static constexpr std::string_view noun = "stemcell cid";
    static constexpr std::string_view prefix = "sc-";
};
struct SnapshotTag {
    static constexpr std::string_view noun = "snapshot cid";
    static constexpr std::string_view prefix = "snap-";
};
using VmCid = Id<VmTag>;
using DiskCid = Id<DiskTag>;
using StemcellCid = Id<StemcellTag>;
using SnapshotCid = Id<SnapshotTag>;

/// `length` random characters of [a-z2-7], five bits each.
[[nodiscard]] std::string random_name(std::size_t length);

} // namespace cpi
