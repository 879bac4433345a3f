#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cpi {

/// Does what the words say. The exit status: 2 where they say nothing that the program knows.
int run(std::span<const std::string> words, std::string_view version);

} // namespace cpi
