#include "hypervisor/machines.h"

#include "base/text.h"

namespace cpi {

std::string text_of(const std::map<std::string, std::string>& tags)
{
    std::string lines;
    for (const auto& [key, value] : tags)
        lines += concat(printable_utf8(one_line(key)), ": ", printable_utf8(one_line(value)), "\n");
    return lines;
}

} // namespace cpi
