#include "cpi/operator/tables.h"

#include "base/text.h"
#include "cpi/methods.h"
#include "cpi/properties/vm_properties.h"
#include "hypervisors/table.h"
#include "properties/nics.h"

#include <algorithm>
#include <vector>

namespace cpi {

namespace {

using Row = std::vector<std::string>;

std::string line_of(const Row& cells)
{
    return concat("| ", join(cells, " | "), " |\n");
}

std::string table(const Row& heading, const std::vector<Row>& rows)
{
    std::string text = line_of(heading) + "|";
    for (std::size_t i = 0; i < heading.size(); ++i)
        text += "---|";
    text += "\n";
    for (const Row& row : rows)
        text += line_of(row);
    return text;
}

Row heading_of_hypervisors(std::string_view first)
{
    Row heading{std::string{first}};
    for (const Hypervisor* hypervisor : hypervisors())
        heading.emplace_back(hypervisor->name);
    return heading;
}

std::string yes(std::string_view how)
{
    return how.empty() ? "yes" : concat("yes, ", how);
}

std::string cell_of(const Verdict& verdict)
{
    switch (verdict.kind) {
    case Verdict::Kind::honoured: return yes(verdict.why);
    case Verdict::Kind::ignored: return "ignored";
    case Verdict::Kind::refused: break;
    }
    return "no";
}

std::string support_table(std::string_view subject, const std::vector<PropertyFacts>& properties,
                          Support Hypervisor::*support)
{
    std::vector<Row> rows;
    for (const PropertyFacts& property : properties) {
        Row row{concat("`", property.key, "`")};
        for (const Hypervisor* hypervisor : hypervisors())
            row.push_back(cell_of(verdict_on(property, hypervisor->*support)));
        rows.push_back(std::move(row));
    }
    return table(heading_of_hypervisors(subject), rows);
}

std::string meaning_table(const std::vector<PropertyFacts>& properties)
{
    std::vector<Row> rows(properties.size());
    std::ranges::transform(properties, rows.begin(), [](const PropertyFacts& property) {
        return Row{concat("`", property.key, "`"), property.values, property.usual,
                   std::string{property.about}};
    });
    return table({"property", "values", "when left out", "meaning"}, rows);
}

std::string cell_of(const Hypervisor& hypervisor, const Method& method)
{
    if (method.call == nullptr)
        return "–";
    if (method.needs_networks && !hypervisor.why_no_networks.empty())
        return "no";
    const auto note = std::ranges::find(hypervisor.method_notes, method.name, &Note::subject);
    return yes(note == hypervisor.method_notes.end() ? std::string_view{} : note->text);
}

} // namespace

std::string method_table()
{
    std::vector<Row> rows;
    for (const Method& method : methods()) {
        Row row{concat("`", method.name, "`")};
        for (const Hypervisor* hypervisor : hypervisors())
            row.push_back(cell_of(*hypervisor, method));
        rows.push_back(std::move(row));
    }
    return table(heading_of_hypervisors("method"), rows);
}

std::string vm_table()
{
    return meaning_table(vm_property_facts());
}

std::string vm_support_table()
{
    return support_table("of VMs and disks", vm_property_facts(), &Hypervisor::of_vms);
}

std::string nic_table()
{
    return meaning_table(facts_of<NetworkProperties>());
}

std::string nic_support_table()
{
    return support_table("of networks", facts_of<NetworkProperties>(), &Hypervisor::of_nics);
}

} // namespace cpi
