// For libFuzzer: see CONTRIBUTING.

#include "fuzz/quoting.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // NOLINTNEXTLINE(*-reinterpret-cast): bytes are characters
    cpi::test::check_quoting({reinterpret_cast<const char*>(data), size});
    return 0;
}
