#pragma once

#include "base/text.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace cpi::test {

/// Compares with a file of tests/golden; CPI_TEST_ACCEPT=1 rewrites that.
inline void check_golden(std::string_view name, const std::string& text)
{
    const std::string file = concat(SOURCE_DIR "/tests/golden/", name, ".xml");
    if (std::getenv("CPI_TEST_ACCEPT") != nullptr)
        std::ofstream{file, std::ios::binary} << text;
    CAPTURE(file);
    CHECK(text == read_file(file));
}

/// Holds it against libvirt's schema.
inline void check_schema(const std::string& text, const std::string& schema)
{
    const TempDir folder;
    const Ran ran = run_program({"virt-xml-validate", folder.write("it.xml", text), schema});
    CAPTURE(text);
    CAPTURE(ran.err);
    CHECK(ran.status == 0);
}

} // namespace cpi::test
