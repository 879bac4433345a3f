#pragma once

#include "json/json.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cpi::test {

/// What a program did.
struct Ran {
    int status = 0;
    std::string out;
    std::string err;
};

/// Runs a program with this standard input, and an environment of PATH and `environment` alone, as the
/// Director does.
[[nodiscard]] Ran run_program(const std::vector<std::string>& argv, std::string_view input = {},
                              const std::map<std::string, std::string>& environment = {});

/// The CPI's answer to one call.
class Reply {
public:
    explicit Reply(Ran ran);

    [[nodiscard]] const Ran& ran() const noexcept { return ran_; }
    [[nodiscard]] json::Place envelope() const { return json::root(document_); }
    [[nodiscard]] json::Place result() const { return envelope().at("result"); }
    /// The result's JSON text.
    [[nodiscard]] std::string result_text() const { return result().verbatim().text; }
    [[nodiscard]] bool ok() const { return envelope().at("error").is_null(); }
    [[nodiscard]] std::string error_type() const;
    [[nodiscard]] std::string message() const;
    /// The result; a test that expected success ends here when the call failed.
    [[nodiscard]] const Reply& require_ok() const;

private:
    Ran ran_;
    json::Document document_;
};

/// The built executable with one configuration file.
class CpiProcess {
public:
    explicit CpiProcess(std::string config_file) : config_file_{std::move(config_file)} {}

    /// `arguments` is the JSON array, `context` what is added to it, as a cpi-config's properties are.
    [[nodiscard]] Reply call(std::string_view method, std::string_view arguments,
                             std::string_view context = "{}") const;
    [[nodiscard]] Reply raw(std::string_view request) const;

private:
    std::string config_file_;
};

/// `text` as a JSON string, quotes included.
[[nodiscard]] std::string json_string(std::string_view text);

} // namespace cpi::test
