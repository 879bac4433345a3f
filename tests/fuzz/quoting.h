#pragma once

#include <string_view>

namespace cpi::test {

/// Takes the bytes for words, of which a zero ends each, and throws unless a shell takes each of them for the
/// one word that it is, quoted for a line of its own and for a remote shell that reads line by line.
void check_quoting(std::string_view bytes);

} // namespace cpi::test
