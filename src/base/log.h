#pragma once

#include "base/pinned.h"
#include "base/secret.h"

#include <string>
#include <string_view>

namespace cpi {

/// Lines to stderr as they happen, each with the request's id; secrets that it was told of are blanked.
class Log : private Pinned {
public:
    void set_request(std::string request_id) { request_id_ = std::move(request_id); }
    [[nodiscard]] Redactor& redactor() noexcept { return redactor_; }
    [[nodiscard]] const Redactor& redactor() const noexcept { return redactor_; }

    void info(std::string_view line) { write("info", line); }
    void warning(std::string_view line) { write("warning", line); }
    void error(std::string_view line) { write("error", line); }

private:
    void write(std::string_view level, std::string_view line) noexcept;

    Redactor redactor_;
    std::string request_id_ = "-";
};

} // namespace cpi
