#pragma once

#include "base/text.h"

#include <system_error>

#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace cpi {

/// What went wrong, as far as a caller can act on it.
enum class ErrorKind {
    invalid_call,
    cpi,
    not_supported,
    not_implemented,
    cloud,
    vm_not_found,
    network_not_found,
    no_disk_space,
    disk_not_attached,
    disk_not_found,
    vm_creation_failed,
};

enum class Retry : bool { no, yes };

class Error : public std::exception {
public:
    Error(ErrorKind kind, std::string message, Retry retry = Retry::no, std::string cause = {},
          std::errc code = {})
        : kind_{kind}, retry_{retry}, message_{std::move(message)}, cause_{std::move(cause)}, code_{code}
    {
    }

    [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
    [[nodiscard]] bool ok_to_retry() const noexcept { return retry_ == Retry::yes; }
    [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }
    /// As `what`, but not cut where it has a NUL.
    [[nodiscard]] const std::string& message() const noexcept { return message_; }

    /// What another program gave as the reason, in its own words; empty when there is none.
    [[nodiscard]] const std::string& cause() const noexcept { return cause_; }

    /// What the kernel said, here or to a program that has said it on; none when it is not known.
    [[nodiscard]] std::errc code() const noexcept { return code_; }

    /// Puts what was being done in front of what went wrong.
    void add_context(std::string_view doing) { message_ = concat(doing, ": ", message_); }
    /// Puts what else to try behind it.
    void add_advice(std::string_view advice) { message_ += advice; }
    void allow_retry() noexcept { retry_ = Retry::yes; }

private:
    ErrorKind kind_;
    Retry retry_;
    std::string message_;
    std::string cause_;
    std::errc code_;
};

/// The error of a system call that has just failed: `doing` says the call's purpose and its object.
/// A full disk or quota, or a file that may not become as large, becomes no_disk_space.
[[nodiscard]] Error system_error(std::string_view doing, int error_number);

/// The error of another program that has failed, by its words.
[[nodiscard]] Error programs_error(std::string_view doing, std::string_view words);

/// Whether another program's words say that a disk or quota is full, or that a file may not become as large.
[[nodiscard]] bool says_disk_is_full(std::string_view message);

/// Runs `step`; whatever it throws leaves as an Error that names the step.
template <std::invocable Step>
decltype(auto) while_doing(std::string_view doing, Step&& step)
{
    try {
        return std::forward<Step>(step)();
    } catch (Error& error) {
        error.add_context(doing);
        throw;
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& error) {
        throw Error{ErrorKind::cloud, concat(doing, ": ", error.what())};
    }
}

} // namespace cpi
