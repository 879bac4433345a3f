#include "host/upload.h"

#include "base/error.h"
#include "base/text.h"
#include "host/remote_shell.h"

#include <algorithm>
#include <array>
#include <functional>
#include <zlib.h>

namespace cpi {

namespace {

/// Makes a stream in gzip's format, and gives it away piece by piece.
class Compressor : private Pinned {
public:
    using Take = std::function<void(std::span<const char>)>;

    explicit Compressor(Take take) : take_{std::move(take)}
    {
        constexpr int window_of_gzip = 15 + 16;
        constexpr int usual_memory = 8;
        if (::deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, window_of_gzip, usual_memory,
                           Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc{};
    }
    ~Compressor() { ::deflateEnd(&stream_); }

    void add(std::span<const char> bytes)
    {
        spare_what_is_compressed();
        feed(bytes, Z_NO_FLUSH);
    }
    void finish() { feed({}, Z_FINISH); }

private:
    void feed(std::span<const char> bytes, int flush)
    {
        // NOLINTNEXTLINE(*-reinterpret-cast, *-const-cast): zlib reads bytes, and only reads them
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(room_.data()); // NOLINT(*-reinterpret-cast)
            stream_.avail_out = static_cast<uInt>(room_.size());
            ::deflate(&stream_, flush);
            take_({room_.data(), room_.size() - stream_.avail_out});
        } while (stream_.avail_out == 0);
    }

    /// Such bytes become no fewer: what follows the first of them goes as it is.
    void spare_what_is_compressed()
    {
        constexpr uLong enough_to_tell = uLong{4} << 20U;
        if (has_told_ || stream_.total_in < enough_to_tell)
            return;
        has_told_ = true;
        constexpr uLong tenths = 10;
        if (stream_.total_out * tenths < stream_.total_in * (tenths - 1))
            return;
        finish();
        ::deflateReset(&stream_);
        ::deflateParams(&stream_, Z_NO_COMPRESSION, Z_DEFAULT_STRATEGY);
    }

    Take take_;
    z_stream stream_{};
    std::array<char, 65536> room_{};
    bool has_told_ = false;
};

class RemoteSink final : public Sink {
public:
    RemoteSink(SshSession& session, Path file)
        : file_{std::move(file)}, channel_{session.execute(run_next_line)},
          compressor_{[this](std::span<const char> bytes) {
              if (!channel_->send(bytes))
                  fail();
          }}
    {
        const std::string name = remote_word(file_.native());
        const std::string line = concat(
            remote_environment, "gzip -dc | dd of=", name,
            " bs=65536 iflag=fullblock conv=notrunc,sparse,fsync status=none && stat -c %s -- ", name, "\n");
        channel_->send({line.data(), line.size()});
    }

    void write(std::span<const char> bytes) override
    {
        compressor_.add(bytes);
        size_ += bytes.size();
    }

    void skip(std::uint64_t bytes) override
    {
        static constexpr std::array<char, 65536> zeros{};
        for (std::uint64_t left = bytes; left > 0;) {
            const std::uint64_t step = std::min<std::uint64_t>(left, zeros.size());
            write({zeros.data(), step});
            left -= step;
        }
    }

    void finish() override
    {
        compressor_.finish();
        channel_->finish();
        while (channel_->receive())
            continue;
        // The user's shell may have said something before.
        const auto lines = split(trim(channel_->out), '\n');
        if (lines.back() != std::to_string(size_))
            fail();
    }

private:
    [[noreturn]] void fail() const
    {
        const std::string reason = trim(channel_->err);
        throw programs_error(concat("uploading ", file_.native()),
                             reason.empty() ? "it is not whole" : reason);
    }

    Path file_;
    std::unique_ptr<SshChannel> channel_;
    Compressor compressor_;
    std::uint64_t size_ = 0;
};

} // namespace

std::unique_ptr<Sink> start_upload(SshSession& session, const Path& file)
{
    return std::make_unique<RemoteSink>(session, file);
}

} // namespace cpi
