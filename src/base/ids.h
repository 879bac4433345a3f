#pragma once

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <compare>
#include <string>

namespace cpi {

/// A cloud ID: also a file name and a libvirt name. Whoever holds one holds a name that cannot leave its
/// folder.
template <class Tag>
class Id {
public:
    static constexpr std::string_view prefix = Tag::prefix;

    explicit Id(std::string text) : text_{std::move(text)}
    {
        if (!is_one(text_))
            throw Error{ErrorKind::invalid_call,
                        concat("expected a ", Tag::noun, " of letters, digits and '-', got '",
                               excerpt(text_, longest), "'")};
    }
    /// Whether a text can be one.
    [[nodiscard]] static bool is_one(std::string_view text)
    {
        const auto plain = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                   c == '_' || c == '.';
        };
        return !text.empty() && text.size() <= longest && text.front() != '.' && text.front() != '-' &&
               std::ranges::all_of(text, plain);
    }
    [[nodiscard]] const std::string& str() const noexcept { return text_; }
    /// Whether the CPI can have made it. What other people named is never ours to touch.
    [[nodiscard]] bool is_ours() const { return text_.starts_with(Tag::prefix); }
    auto operator<=>(const Id&) const = default;

private:
    static constexpr std::size_t longest = 100;

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
struct NetworkTag {
    static constexpr std::string_view noun = "network cid";
    static constexpr std::string_view prefix = "net-";
};
using VmCid = Id<VmTag>;
using DiskCid = Id<DiskTag>;
using StemcellCid = Id<StemcellTag>;
using SnapshotCid = Id<SnapshotTag>;
using NetworkCid = Id<NetworkTag>;

/// `length` random characters of [a-z2-7], five bits each.
[[nodiscard]] std::string random_name(std::size_t length);

/// A random UUID (version 4), in libvirt's spelling.
[[nodiscard]] std::string random_uuid();

/// A UUID of the same form that follows from `seed`: the same whenever it is asked for.
[[nodiscard]] std::string stable_uuid(std::string_view seed);

/// A cid that nobody has: its prefix and `length` random characters.
template <class Cid>
[[nodiscard]] Cid new_cid(std::size_t length = 20)
{
    return Cid{concat(Cid::prefix, random_name(length))};
}

} // namespace cpi
