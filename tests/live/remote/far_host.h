#pragma once

#include "base/pinned.h"
#include "support/cpi_process.h"
#include "support/temp_dir.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cpi::test {

/// One of the lab's two hosts, and a CPI here whose store is there. Its configuration says nothing of the
/// host: that comes with each call, as the properties of a cpi-config do.
class FarHost : private Pinned {
public:
    explicit FarHost(unsigned number, std::string_view user = "root");
    ~FarHost();

    [[nodiscard]] Reply call(std::string_view method, std::string_view arguments) const;
    /// The same with other properties: members of a JSON object, which win.
    [[nodiscard]] Reply call_with(std::string_view properties, std::string_view method,
                                  std::string_view arguments) const;
    /// The request of such a call.
    [[nodiscard]] std::string request(std::string_view method, std::string_view arguments,
                                      std::string_view properties = R"("director_uuid":"d")") const;
    [[nodiscard]] std::string config_file() const { return (folder_.path() / "cpi.json").native(); }
    /// The string that the call returns.
    [[nodiscard]] std::string cid(std::string_view method, std::string_view arguments) const;
    [[nodiscard]] std::string create_stemcell() const;
    [[nodiscard]] std::string create_vm(const std::string& stemcell) const;

    /// What the lab's script of this host prints.
    std::string lab(const std::vector<std::string>& words) const;
    /// A command there, not by SSH.
    Ran run(const std::vector<std::string>& argv) const;
    /// A file of the lab's: the user's key, the host's keys.
    [[nodiscard]] std::filesystem::path lab_file(std::string_view name) const;
    [[nodiscard]] std::string address() const;
    [[nodiscard]] std::filesystem::path store() const { return folder_.path() / "store"; }
    /// What is in the store but its locks and empty folders.
    [[nodiscard]] std::string contents() const;

private:
    std::string number_;
    TempDir folder_;
    std::string properties_;
    CpiProcess process_;
};

} // namespace cpi::test
