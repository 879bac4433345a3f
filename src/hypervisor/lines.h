#pragma once

#include "hypervisor/domain_spec.h"
#include "hypervisor/support.h"
#include "properties/vm.h"
#include "xml/xml.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

/// Cloud properties as lines of libvirt's definitions: a property has a line where it is honoured.
namespace cpi {

template <class Spec>
struct Line {
    Honour honour;
    std::string_view path = {};                 // "cpu/@mode", an attribute; "vcpu", an element's text
    std::string (*text)(const Spec&) = nullptr; // empty: there is nothing to write
    /// Instead, where more is to be done.
    void (*write)(const xml::Element& element, const Spec&) = nullptr;
};

inline const Hardware& properties_in(const DomainSpec& spec)
{
    return spec.hardware;
}
inline const DiskTuning& properties_in(const DiskSpec& spec)
{
    return spec.tuning;
}

template <class Spec, const auto& property>
std::string word_of_property(const Spec& spec)
{
    return json::as_word(properties_in(spec).*property.member);
}

/// The property's own word at a path.
template <class Spec, const auto& property>
consteval Line<Spec> line(std::string_view path)
{
    return {{property.key}, path, &word_of_property<Spec, property>};
}
template <class Spec, const auto& property>
consteval Line<Spec> line(std::string_view path, std::string (*text)(const Spec&))
{
    return {{property.key}, path, text};
}
template <class Spec, const auto& property>
consteval Line<Spec> line(void (*write)(const xml::Element&, const Spec&))
{
    return {{property.key}, {}, nullptr, write};
}

template <class Spec, std::size_t count>
void write_lines(const xml::Element& element, const std::array<Line<Spec>, count>& lines, const Spec& spec)
{
    for (const Line<Spec>& line : lines) {
        if (line.write != nullptr)
            line.write(element, spec);
        else if (const std::string text = line.text(spec); !text.empty())
            element.put(line.path, text);
    }
}

/// Of each line.
template <class Spec, std::size_t count>
consteval std::array<Honour, count> honours_of(const std::array<Line<Spec>, count>& lines)
{
    std::array<Honour, count> honours{};
    std::ranges::transform(lines, honours.begin(), &Line<Spec>::honour);
    return honours;
}
template <std::size_t... counts>
consteval auto joined(const std::array<Honour, counts>&... parts)
{
    std::array<Honour, (0 + ... + counts)> all{};
    auto at = all.begin();
    ((at = std::ranges::copy(parts, at).out), ...);
    return all;
}

inline void add_memory(const xml::Element& domain, const DomainSpec& spec)
{
    domain.add("memory", json::as_word(spec.hardware.memory)).set("unit", "MiB");
}

/// How large a VM is, where libvirt's definition says it.
inline constexpr std::array size_lines{
    line<DomainSpec, vm_property::memory>(&add_memory),
    line<DomainSpec, vm_property::cpus>("vcpu"),
};

} // namespace cpi
