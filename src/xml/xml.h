#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tinyxml2 {
class XMLDocument;
class XMLElement; // NOLINT(cppcoreguidelines-virtual-class-destructor): tinyxml2's own
} // namespace tinyxml2

namespace cpi::xml {

/// An element of a Document, which must outlive it. What is written is escaped; what XML cannot hold is
/// replaced.
class Element {
public:
    explicit Element(tinyxml2::XMLElement* element) : element_{element} {}

    /// Adds a child at the end and returns it.
    Element add(std::string_view name) const; // NOLINT(modernize-use-nodiscard): most callers want the effect
    /// Adds a child with nothing but text in it.
    Element add(std::string_view name, std::string_view text) const; // NOLINT(modernize-use-nodiscard)
    /// Sets an attribute and returns this element, for chains.
    Element set(std::string_view name, std::string_view value) const; // NOLINT(modernize-use-nodiscard)
    /// Writes the attribute at "a/b/@c", or the text of the element at "a/b", below this one. What is missing
    /// on the way there is added.
    void put(std::string_view path, std::string_view text) const;
    /// An attribute that it does not have is fine.
    void unset(std::string_view name) const;
    /// Takes a child out, with all that is in it.
    void remove(const Element& child) const;

    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::string text() const;
    /// Empty when there is no such attribute.
    [[nodiscard]] std::string attribute(std::string_view name) const;
    [[nodiscard]] std::optional<Element> child(std::string_view name) const;
    [[nodiscard]] std::vector<Element> children() const;
    [[nodiscard]] std::vector<Element> children(std::string_view name) const;
    /// The element at "a/b/c" below this one.
    [[nodiscard]] std::optional<Element> find(std::string_view path) const;

    /// This element and what is in it.
    [[nodiscard]] std::string to_text() const;

private:
    tinyxml2::XMLElement* element_;
};

class Document {
public:
    /// An empty document with this root.
    explicit Document(std::string_view root_name);
    /// Throws when `text` is not XML; `what` says what it is.
    [[nodiscard]] static Document parse(std::string_view text, std::string_view what);

    [[nodiscard]] Element root() const;
    [[nodiscard]] std::string to_text() const;

private:
    Document();
    struct Free {
        void operator()(tinyxml2::XMLDocument* document) const noexcept;
    };
    std::unique_ptr<tinyxml2::XMLDocument, Free> document_;
};

} // namespace cpi::xml
