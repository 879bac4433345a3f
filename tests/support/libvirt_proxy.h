#pragma once

#include "base/pinned.h"
#include "host/fd.h"
#include "support/temp_dir.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cpi::test {

/// Stands between the CPI and libvirtd, and steps in at one of the calls that pass through.
class LibvirtProxy : private Pinned {
public:
    explicit LibvirtProxy(std::filesystem::path daemons_socket);
    ~LibvirtProxy();

    [[nodiscard]] std::string socket() const { return (folder_.path() / "socket").native(); }
    /// The procedures of libvirt's protocol that were called since the last `begin`, in order.
    [[nodiscard]] std::vector<int> called() const;

    /// What becomes of a connection at a call, as when the daemon ends there: either the daemon has not seen
    /// the call, or it has done it and its answer is lost.
    enum class Lost { call, answer };
    /// From now on calls are counted anew, and nothing happens to them.
    void begin();
    /// The connection ends at the call of that number, which begins with 1, as soon as `meanwhile` has
    /// returned; calls that come later pass.
    void lose(
        unsigned number, Lost what, std::function<void()> meanwhile = [] {});
    /// The same at the first call of a procedure.
    void lose_procedure(
        int procedure, Lost what, std::function<void()> meanwhile = [] {});
    /// New connections are refused until `begin`.
    void refuse();

private:
    struct Plan {
        unsigned number = 0;
        int procedure = 0;
        Lost what = Lost::call;
        std::function<void()> meanwhile;
    };
    struct Link;

    void accept_all();
    void carry(Fd client);
    /// False: the connection ends here.
    bool pass(Link& link, int from, int to, bool is_client);
    [[nodiscard]] bool is_planned(int procedure);

    std::filesystem::path daemons_socket_;
    TempDir folder_;
    Fd listening_;
    mutable std::mutex mutex_;
    Plan plan_;
    std::vector<int> called_;
    std::atomic<bool> refuses_ = false;
    std::atomic<bool> ends_ = false;
    std::vector<std::thread> links_;
    std::thread accepting_;
};

} // namespace cpi::test
