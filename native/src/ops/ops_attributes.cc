// Ops on attributes of files (stat, owner, mode, times) and on statistics of the file system. None follows a symlink.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "ops/batch.h"
#include "ops/op_results.h"

// Linux 6.6; the C library may not know it.
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

namespace brickd {

namespace {

// chmod of what an O_PATH descriptor stands for.
int64_t chmod_by_path(int fd, mode_t mode) {
  struct stat s;
  if (::fstat(fd, &s) < 0) return -errno;
  if (S_ISLNK(s.st_mode)) return -EOPNOTSUPP;
  return retry([&] { return ::chmod(ProcPath(fd).text, mode); });
}

int64_t chmod_name(int dir, const char* name, mode_t mode) {
  static std::atomic<bool> lacking{false};
  if (!lacking.load(std::memory_order_relaxed)) {
    int64_t n = retry([&] { return ::syscall(SYS_fchmodat2, dir, name, mode, AT_SYMLINK_NOFOLLOW); });
    if (n != -ENOSYS) return n;
    lacking.store(true, std::memory_order_relaxed);
  }
  int fd = static_cast<int>(retry([&] { return ::openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  if (fd < 0) return fd;
  int64_t n = chmod_by_path(fd, mode);
  ::close(fd);
  return n;
}

}  // namespace

long stat_to(int dir, const char* name, void* out) {
  struct statx s;
  int flags = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC | (name == nullptr ? AT_EMPTY_PATH : 0);
  int64_t n =
      retry([&] { return ::statx(dir, name == nullptr ? "" : name, flags, STATX_BASIC_STATS | STATX_BTIME, &s); });
  if (n < 0) return n;
#define X(name, value) static_cast<double>(value),
  const double values[kStatDoubles] = {BRICKD_STAT(X)};
#undef X
  memcpy(out, values, sizeof(values));
  return 0;
}

int64_t op_statx(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  void* out = r.pointer<void>(2);
  return out == nullptr ? -EFAULT : stat_to(dir, r.text(1), out);
}

int64_t op_chown(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  const char* name = r.text(1);
  int flags = AT_SYMLINK_NOFOLLOW | (name == nullptr ? AT_EMPTY_PATH : 0);
  return retry([&] { return ::fchownat(dir, name == nullptr ? "" : name, r.bits(2), r.bits(3), flags); });
}

int64_t op_chmod(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  mode_t mode = r.bits(2) & 07777;
  const char* name = r.text(1);
  if (name != nullptr) return chmod_name(dir, name, mode);
  int64_t n = retry([&] { return ::fchmod(dir, mode); });
  return n == -EBADF ? chmod_by_path(dir, mode) : n;
}

int64_t op_utimens(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  const char* name = r.text(1);
  const struct timespec times[2] = {{r.integer(2), static_cast<long>(r.integer(3))},
                                    {r.integer(4), static_cast<long>(r.integer(5))}};
  if (name != nullptr) return retry([&] { return ::utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW); });
  int64_t n = retry([&] { return ::futimens(dir, times); });
  if (n != -EBADF) return n;
  return retry([&] { return ::utimensat(dir, "", times, AT_EMPTY_PATH); });
}

int64_t op_statvfs(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  void* out = r.pointer<void>(1);
  if (out == nullptr) return -EFAULT;
  struct statvfs s;
  int64_t n = retry([&] { return ::fstatvfs(fd, &s); });
  if (n < 0) return n;
#define X(name, value) static_cast<double>(value),
  const double values[kStatvfsDoubles] = {BRICKD_STATVFS(X)};
#undef X
  memcpy(out, values, sizeof(values));
  return 0;
}

int64_t op_fstype(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  struct statfs s;
  int64_t n = retry([&] { return ::fstatfs(fd, &s); });
  // Some magic numbers have the uppermost of 32 bits set.
  return n < 0 ? n : static_cast<int64_t>(static_cast<uint32_t>(s.f_type));
}

int64_t op_expect(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  const uint64_t wanted = static_cast<uint64_t>(r.bits(2)) << 32 | r.bits(3);
  struct stat s;
  int64_t n = retry([&] { return ::fstatat(dir, r.text(1), &s, AT_SYMLINK_NOFOLLOW); });
  if (n == -ENOENT) return wanted == 0 ? 0 : -ESTALE;
  if (n < 0) return n;
  return s.st_ino == wanted ? 0 : -ESTALE;
}

}  // namespace brickd
