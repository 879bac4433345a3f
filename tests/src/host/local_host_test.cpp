// What only this machine does as a host.

#include "host/local_host.h"
#include "src/caught.h"
#include "src/host/make_host.h"

namespace cpi::test {

std::unique_ptr<Host> make_host()
{
    return std::make_unique<LocalHost>();
}

TEST_CASE("a command with an empty word is refused rather than run otherwise")
{
    LocalHost host;
    for (const auto& argv : std::vector<std::vector<std::string>>{{}, {""}, {"printf", ""}})
        CHECK(caught([&] { return host.run({argv}).status; }).kind == ErrorKind::cpi);
}

} // namespace cpi::test
