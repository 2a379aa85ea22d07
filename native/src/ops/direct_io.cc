// Reads and writes that fall back from O_DIRECT to the page cache when a request is not aligned to sectors.
#include "ops/direct_io.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ops/batch.h"

namespace brickd {

namespace {

// A second descriptor of an O_DIRECT file, without that flag: other calls use the first one at the same time, so that
// it must not lose it. -1 when the file is not O_DIRECT, or can't be opened again.
class ThroughCache {
 public:
  explicit ThroughCache(int fd) {
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_DIRECT) == 0) return;
    // O_SYNC and O_DSYNC stay.
    appends_ = (flags & O_APPEND) != 0;
    flags &= O_ACCMODE | O_APPEND | O_SYNC | O_NOATIME;
    fd_ = ::open(ProcPath(fd).text, flags | O_CLOEXEC);
  }
  ~ThroughCache() {
    if (fd_ >= 0) ::close(fd_);
  }
  ThroughCache(const ThroughCache&) = delete;
  ThroughCache& operator=(const ThroughCache&) = delete;
  int fd() const { return fd_; }

  // What an O_DIRECT write promises without O_DSYNC: the data is at the disk, not only in memory.
  int64_t send_to_disk(int64_t offset, int64_t length) const {
    constexpr unsigned kWhole = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    // An appending write goes to the end, wherever that was; a length of 0 means up to there.
    if (appends_) offset = length = 0;
    int64_t r = retry([&] { return ::sync_file_range(fd_, offset, length, kWhole); });
    // A file system that has nothing to write back says so by other errors.
    return r == -EIO || r == -ENOSPC || r == -EDQUOT ? r : 0;
  }

 private:
  int fd_ = -1;
  bool appends_ = false;
};

}  // namespace

int64_t read_at(int fd, void* into, size_t length, int64_t offset) {
  int64_t n = retry([&] { return ::pread64(fd, into, length, offset); });
  if (n != -EINVAL) return n;
  ThroughCache cached(fd);
  return cached.fd() < 0 ? n : retry([&] { return ::pread64(cached.fd(), into, length, offset); });
}

int64_t write_at(int fd, const void* from, size_t length, int64_t offset, int flags) {
  struct iovec v = {const_cast<void*>(from), length};
  int64_t n = retry([&] { return ::pwritev2(fd, &v, 1, offset, flags); });
  if (n != -EINVAL || (flags & RWF_NOWAIT) != 0) return n;
  ThroughCache cached(fd);
  if (cached.fd() < 0) return n;
  n = retry([&] { return ::pwritev2(cached.fd(), &v, 1, offset, flags); });
  if (n <= 0) return n;
  int64_t sent = cached.send_to_disk(offset, n);
  return sent < 0 ? sent : n;
}

}  // namespace brickd
