// Ops on the data of open files: read, write, splice, truncate, allocate, copy, sync.
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ops/batch.h"
#include "ops/direct_io.h"
#include "pool/fsync_group.h"

namespace brickd {

int64_t op_pread(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  int64_t offset = r.integer(3);
  // preadv2 would take -1 for the descriptor's own position.
  if (offset < 0) return -EINVAL;
  int flags = r.number(4);
  if (flags == 0) return read_at(fd, r.pointer<void>(1), r.size(2), offset);
  struct iovec v = {r.pointer<void>(1), r.size(2)};
  return retry([&] { return ::preadv2(fd, &v, 1, offset, flags); });
}

int64_t op_pwrite(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  char* at = r.pointer<char>(1);
  int64_t length = r.integer(2);
  int64_t offset = r.integer(3);
  if (offset < 0 || length < 0) return -EINVAL;
  int flags = r.number(4);
  int64_t done = 0;
  do {
    int64_t n = write_at(fd, at + done, static_cast<size_t>(length - done), offset + done, flags);
    if (n < 0) return done > 0 ? done : n;
    done += n;
    // A short write that must not wait is the caller's to go on with.
    if (n == 0 || (flags & RWF_NOWAIT) != 0) break;
  } while (done < length);
  return done;
}

// Into a pipe: as many bytes as the file has and the pipe takes, up to the length asked for.
int64_t op_splice(Context& c, Record& r) {
  int from = c.fd(r, 0);
  loff_t offset = r.integer(1);
  int64_t length = r.integer(2);
  int to = c.fd(r, 3);
  if (offset < 0 || length < 0) return -EINVAL;
  int64_t done = 0;
  while (done < length) {
    size_t left = static_cast<size_t>(length - done);
    int64_t n = retry([&] { return ::splice(from, &offset, to, nullptr, left, SPLICE_F_NONBLOCK); });
    if (n < 0) return done > 0 ? done : n;
    if (n == 0) break;
    done += n;
  }
  return done;
}

int64_t op_ftruncate(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  return retry([&] { return ::ftruncate(fd, r.integer(1)); });
}

int64_t op_fallocate(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  return retry([&] { return ::fallocate(fd, r.number(1), r.integer(2), r.integer(3)); });
}

int64_t op_lseek(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  return retry([&] { return ::lseek(fd, r.integer(1), r.number(2)); });
}

int64_t op_copyrange(Context& c, Record& r) {
  int in = c.fd(r, 0);
  int out = c.fd(r, 2);
  loff_t from = r.integer(1);
  loff_t to = r.integer(3);
  int64_t length = r.integer(4);
  if (length < 0) return -EINVAL;
  int64_t done = 0;
  // The kernel may copy less than asked for any reason, and does so beyond 2 GiB. Nothing means the end of the source.
  do {
    int64_t n = retry([&] { return ::copy_file_range(in, &from, out, &to, static_cast<size_t>(length - done), 0); });
    if (n < 0) return done > 0 ? done : n;
    if (n == 0) break;
    done += n;
  } while (done < length);
  return done;
}

int64_t op_fsync(Context& c, Record& r) { return grouped_sync(c.fd(r, 0), false); }

int64_t op_fdatasync(Context& c, Record& r) { return grouped_sync(c.fd(r, 0), true); }

int64_t op_syncfs(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  return retry([&] { return ::syncfs(fd); });
}

int64_t op_syncerrors(Context& c, Record& r) { return untold_errors(c.fd(r, 0)); }

}  // namespace brickd
