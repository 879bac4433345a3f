#pragma once

#include "base/pinned.h"
#include "host/fd.h"

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

/// The process that a call is: its descriptors and its signals.
namespace cpi {

/// The one who may write on stdout: one document, once, whoever comes first.
class Responder : private Pinned {
public:
    /// Everybody else's stdout becomes stderr, and no child inherits the real one.
    Responder();

    void respond(std::string_view document) noexcept;
    /// Where the caller listens.
    [[nodiscard]] int fd() const noexcept { return out_.get(); }

private:
    Fd out_;
    std::atomic<bool> answered_{false};
};

/// Descriptors 0 to 2 exist, so that no file that we open becomes stdout.
void ensure_standard_descriptors();

/// Libraries end the process where they cannot open what they need. Throws unless there is room for it, the
/// CPI's own locks and pipes included; a program that runs under a small limit may have more for the asking.
void require_descriptors();

inline constexpr int no_listener = -1;

/// From here on signals end the call in good order, and so does the going of who listens: an interrupted call
/// undoes what it began and says so; one that does not get there in time, or hangs in libvirt, is answered
/// for by `give_up` and ended with that status. To be called before there is any other thread.
void end_in_order(std::function<void(const std::string& message)> give_up, int status, int listener);

[[nodiscard]] std::string read_all(int fd);

} // namespace cpi
