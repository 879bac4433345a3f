#include "stemcell/tar_bytes.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

namespace cpi {

std::string stemcell_image(const Path& file)
{
    return concat("the stemcell image ", excerpt(file.native()));
}

Fd open_stemcell(const Path& file)
{
    Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat found {};
    const bool is_socket = !fd && errno == ENXIO;
    if (!is_socket && (!fd || ::fstat(fd.get(), &found) != 0))
        throw system_error(concat("opening ", stemcell_image(file)), errno);
    if (!S_ISREG(found.st_mode))
        throw Error{ErrorKind::cloud, concat(stemcell_image(file), " is not a regular file. Try: bosh "
                                                                   "upload-stemcell with the file as it was "
                                                                   "downloaded")};
    return fd;
}

Error damaged_stemcell(const Path& file, std::string_view how)
{
    return {ErrorKind::cloud, concat(stemcell_image(file), " is damaged: ", how)};
}

TarBytes::TarBytes(Path file, std::uint64_t most_bytes)
    : file_{std::move(file)}, most_bytes_{most_bytes}, fd_{open_stemcell(file_)}, input_(mebibyte, '\0'),
      output_(mebibyte, '\0')
{
    constexpr int gzip_with_checksums = 16 + MAX_WBITS;
    if (!refill())
        throw Error{ErrorKind::cloud, concat(stemcell_image(file_), " is empty")};
    start_ = std::string{reinterpret_cast<const char*>(inflater_.next_in), std::min(inflater_.avail_in, 8U)};
    gzip_ = start_.starts_with("\x1f\x8b");
    if (::inflateInit2(&inflater_, gzip_with_checksums) != Z_OK)
        throw std::bad_alloc{};
}

/// False at the file's end.
bool TarBytes::refill()
{
    ssize_t count = 0;
    do {
        count = ::read(fd_.get(), input_.data(), input_.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        throw system_error(concat("reading ", stemcell_image(file_)), errno);
    inflater_.next_in = reinterpret_cast<Bytef*>(input_.data());
    inflater_.avail_in = static_cast<uInt>(count);
    return count > 0;
}

std::span<const char> TarBytes::next()
{
    check_interrupt();
    if (gzip_)
        return inflated();
    if (inflater_.avail_in == 0 && !refill())
        return {};
    return {input_.data(), std::exchange(inflater_.avail_in, 0U)};
}

std::span<const char> TarBytes::inflated()
{
    inflater_.next_out = reinterpret_cast<Bytef*>(output_.data());
    inflater_.avail_out = static_cast<uInt>(output_.size());
    while (inflater_.avail_out > 0 && !ended_)
        inflate_some();
    const std::size_t count = output_.size() - inflater_.avail_out;
    bytes_ += count;
    if (bytes_ > most_bytes_)
        throw Error{ErrorKind::cloud, concat(stemcell_image(file_), " unpacks to more than the ", most_bytes_,
                                             " bytes allowed")};
    return {output_.data(), count};
}

void TarBytes::inflate_some()
{
    constexpr Bytef gzip_magic = 0x1f;
    if (inflater_.avail_in == 0 && !refill())
        throw damaged_stemcell(file_, "it ends in the middle of its gzip stream");
    const int outcome = ::inflate(&inflater_, Z_NO_FLUSH);
    if (outcome == Z_MEM_ERROR)
        throw std::bad_alloc{};
    if (outcome == Z_STREAM_END) {
        // Another gzip stream continues the first; anything else behind it is padding, as it is to gzip
        // itself.
        ended_ = (inflater_.avail_in == 0 && !refill()) || *inflater_.next_in != gzip_magic;
        ::inflateReset(&inflater_);
    } else if (outcome != Z_OK && outcome != Z_BUF_ERROR) {
        throw damaged_stemcell(file_,
                               concat("gzip: ", inflater_.msg != nullptr ? inflater_.msg : "unknown error"));
    }
}

} // namespace cpi
