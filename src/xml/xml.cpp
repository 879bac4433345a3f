#include "xml/xml.h"

#include "base/error.h"
#include "base/text.h"

#include <tinyxml2.h>

#include <algorithm>

namespace cpi::xml {

namespace {

std::string or_empty(const char* text)
{
    return text == nullptr ? std::string{} : std::string{text};
}

std::string print(const tinyxml2::XMLNode& node)
{
    tinyxml2::XMLPrinter printer;
    node.Accept(&printer);
    return printer.CStr();
}

} // namespace

Element Element::add(std::string_view name) const
{
    return Element{element_->InsertNewChildElement(std::string{name}.c_str())};
}

Element Element::add(std::string_view name, std::string_view text) const
{
    const Element child = add(name);
    child.element_->SetText(printable_utf8(text).c_str());
    return child;
}

Element Element::set(std::string_view name, std::string_view value) const
{
    // Readers take line breaks and tabs in attributes for blanks; tinyxml2 has no way to write them
    // otherwise.
    std::string clean = printable_utf8(value);
    std::ranges::replace_if(
        clean, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    element_->SetAttribute(std::string{name}.c_str(), clean.c_str());
    return *this;
}

void Element::put(std::string_view path, std::string_view text) const
{
    Element at = *this;
    for (const auto& step : split(path, '/')) {
        if (step.starts_with('@')) {
            at.set(step.substr(1), text);
            return;
        }
        const auto there = at.child(step);
        at = there ? *there : at.add(step);
    }
    at.element_->SetText(printable_utf8(text).c_str());
}

void Element::unset(std::string_view name) const
{
    element_->DeleteAttribute(std::string{name}.c_str());
}

void Element::remove(const Element& child) const
{
    element_->DeleteChild(child.element_);
}

std::string Element::name() const
{
    return or_empty(element_->Name());
}

std::string Element::text() const
{
    return or_empty(element_->GetText());
}

std::string Element::attribute(std::string_view name) const
{
    return or_empty(element_->Attribute(std::string{name}.c_str()));
}

std::optional<Element> Element::child(std::string_view name) const
{
    auto* found = element_->FirstChildElement(std::string{name}.c_str());
    return found == nullptr ? std::nullopt : std::optional{Element{found}};
}

std::vector<Element> Element::children() const
{
    std::vector<Element> all;
    for (auto* at = element_->FirstChildElement(); at != nullptr; at = at->NextSiblingElement())
        all.emplace_back(at);
    return all;
}

std::vector<Element> Element::children(std::string_view name) const
{
    std::vector<Element> all = children();
    std::erase_if(all, [name](const Element& element) { return element.name() != name; });
    return all;
}

std::optional<Element> Element::find(std::string_view path) const
{
    std::optional<Element> at = *this;
    for (const auto& step : split(path, '/')) {
        at = at->child(step);
        if (!at)
            break;
    }
    return at;
}

std::string Element::to_text() const
{
    return print(*element_);
}

void Document::Free::operator()(tinyxml2::XMLDocument* document) const noexcept
{
    delete document; // NOLINT(cppcoreguidelines-owning-memory): the owner of this pointer is the unique_ptr
}

Document::Document() : document_{new tinyxml2::XMLDocument} {}

Document::Document(std::string_view root_name) : Document{}
{
    document_->InsertEndChild(document_->NewElement(std::string{root_name}.c_str()));
}

Document Document::parse(std::string_view text, std::string_view what)
{
    Document document;
    if (document.document_->Parse(text.data(), text.size()) != tinyxml2::XML_SUCCESS ||
        document.document_->RootElement() == nullptr)
        throw Error{ErrorKind::cloud, concat(what, " is not XML: ", document.document_->ErrorName(),
                                             " at line ", document.document_->ErrorLineNum())};
    return document;
}

Element Document::root() const
{
    return Element{document_->RootElement()};
}

std::string Document::to_text() const
{
    return print(*document_);
}

} // namespace cpi::xml
