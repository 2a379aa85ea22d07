// Ops on files: one function per op, each a thin shell around its system call.
#include "batch.h"
#include "fsync_group.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "stat_out.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

namespace brickd {

namespace {

void proc_path(char* out, size_t size, int fd) { snprintf(out, size, "/proc/self/fd/%d", fd); }

}  // namespace

void write_stat(const struct statx& s, double* out) {
  out[0] = static_cast<double>(makedev(s.stx_dev_major, s.stx_dev_minor));
  out[1] = static_cast<double>(s.stx_ino >> 32);
  out[2] = static_cast<double>(s.stx_ino & 0xffffffffu);
  out[3] = s.stx_mode;
  out[4] = s.stx_nlink;
  out[5] = s.stx_uid;
  out[6] = s.stx_gid;
  out[7] = static_cast<double>(makedev(s.stx_rdev_major, s.stx_rdev_minor));
  out[8] = static_cast<double>(s.stx_size);
  out[9] = s.stx_blksize;
  out[10] = static_cast<double>(s.stx_blocks);
  out[11] = static_cast<double>(s.stx_atime.tv_sec);
  out[12] = s.stx_atime.tv_nsec;
  out[13] = static_cast<double>(s.stx_mtime.tv_sec);
  out[14] = s.stx_mtime.tv_nsec;
  out[15] = static_cast<double>(s.stx_ctime.tv_sec);
  out[16] = s.stx_ctime.tv_nsec;
  out[17] = static_cast<double>(s.stx_btime.tv_sec);
  out[18] = s.stx_btime.tv_nsec;
}

int64_t op_open(Context& c, Record& r) {
  int dir = c.fd(r, 0);
  if (dir < 0) return -EBADF;
  uint64_t resolve = static_cast<uint64_t>(r.integer(4));
  uint64_t flags = r.bits(2) | O_CLOEXEC;
  uint32_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? r.bits(3) & 07777 : 0;
  if (resolve == 0) return retry([&] { return ::openat(dir, r.text(1), static_cast<int>(flags), mode); });
  struct open_how how {};
  how.flags = flags;
  how.mode = mode;
  how.resolve = resolve;
  int64_t n = retry([&] { return ::syscall(SYS_openat2, dir, r.text(1), &how, sizeof(how)); });
  if ((resolve & RESOLVE_CACHED) != 0) {
    // A kernel that can't tell what is cached (EINVAL before 5.12, ENOSYS before 5.6): whoever asks must go to the pool.
    return n == -EINVAL || n == -ENOSYS ? -EAGAIN : n;
  }
  if (n != -ENOSYS) return n;
  return retry([&] { return ::openat(dir, r.text(1), static_cast<int>(flags), mode); });
}

int64_t op_close(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  if (fd < 0) return -EBADF;
  // Never again on EINTR: the descriptor is gone, and its number may be another's.
  return ::close(fd) < 0 && errno != EINTR ? -errno : 0;
}

int64_t op_statx(Context& c, Record& r) {
  int dir = c.fd(r, 0);
  if (dir < 0) return -EBADF;
  const char* name = r.text(1);
  struct statx s;
  int flags = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC | (name == nullptr ? AT_EMPTY_PATH : 0);
  int64_t n = retry([&] { return ::statx(dir, name == nullptr ? "" : name, flags, STATX_BASIC_STATS | STATX_BTIME, &s); });
  if (n == 0) write_stat(s, r.pointer<double>(2));
  return n;
}

int64_t op_pread(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  struct iovec v {r.pointer<void>(1), static_cast<size_t>(r.integer(2))};
  int flags = r.number(4);
  return retry([&] { return ::preadv2(fd, &v, 1, r.integer(3), flags); });
}

int64_t op_pwrite(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  char* at = r.pointer<char>(1);
  size_t left = static_cast<size_t>(r.integer(2));
  int64_t offset = r.integer(3);
  int flags = r.number(4);
  int64_t done = 0;
  do {
    struct iovec v {at + done, left - static_cast<size_t>(done)};
    int64_t n = retry([&] { return ::pwritev2(fd, &v, 1, offset + done, flags); });
    if (n < 0) return done > 0 ? done : n;
    done += n;
    if (n == 0 || (flags & RWF_NOWAIT) != 0) break;
  } while (static_cast<size_t>(done) < left);
  return done;
}

int64_t op_link(Context& c, Record& r) {
  int from = c.fd(r, 0);
  int to = c.fd(r, 2);
  if (from < 0 || to < 0) return -EBADF;
  const char* name = r.text(1);
  if (name != nullptr) return retry([&] { return ::linkat(from, name, to, r.text(3), 0); });
  int64_t n = retry([&] { return ::linkat(from, "", to, r.text(3), AT_EMPTY_PATH); });
  if (n != -ENOENT) return n;
  char path[32];
  proc_path(path, sizeof(path), from);
  return retry([&] { return ::linkat(AT_FDCWD, path, to, r.text(3), AT_SYMLINK_FOLLOW); });
}

int64_t op_unlink(Context& c, Record& r) {
  int dir = c.fd(r, 0);
  if (dir < 0) return -EBADF;
  return retry([&] { return ::unlinkat(dir, r.text(1), r.number(2)); });
}

int64_t op_rename(Context& c, Record& r) {
  int from = c.fd(r, 0);
  int to = c.fd(r, 2);
  if (from < 0 || to < 0) return -EBADF;
  return retry([&] { return ::syscall(SYS_renameat2, from, r.text(1), to, r.text(3), r.bits(4)); });
}

int64_t op_mkdir(Context& c, Record& r) {
  int dir = c.fd(r, 0);
  if (dir < 0) return -EBADF;
  return retry([&] { return ::mkdirat(dir, r.text(1), r.bits(2)); });
}

int64_t op_mknod(Context& c, Record& r) {
  int dir = c.fd(r, 0);
  if (dir < 0) return -EBADF;
  return retry([&] { return ::mknodat(dir, r.text(1), r.bits(2), static_cast<dev_t>(r.integer(3))); });
}

int64_t op_symlink(Context& c, Record& r) {
  int dir = c.fd(r, 1);
  if (dir < 0) return -EBADF;
  return retry([&] { return ::symlinkat(r.text(0), dir, r.text(2)); });
}

int64_t op_readlink(Context& c, Record& r) {
  int dir = c.fd(r, 0);
  if (dir < 0) return -EBADF;
  return retry([&] { return ::readlinkat(dir, r.text(1), r.pointer<char>(2), static_cast<size_t>(r.integer(3))); });
}

int64_t op_chown(Context& c, Record& r) {
  int dir = c.fd(r, 0);
  if (dir < 0) return -EBADF;
  const char* name = r.text(1);
  uid_t uid = static_cast<uid_t>(r.integer(2));
  gid_t gid = static_cast<gid_t>(r.integer(3));
  int flags = AT_SYMLINK_NOFOLLOW | (name == nullptr ? AT_EMPTY_PATH : 0);
  return retry([&] { return ::fchownat(dir, name == nullptr ? "" : name, uid, gid, flags); });
}

int64_t op_chmod(Context& c, Record& r) {
  int dir = c.fd(r, 0);
  if (dir < 0) return -EBADF;
  const char* name = r.text(1);
  mode_t mode = r.bits(2) & 07777;
  if (name == nullptr) return retry([&] { return ::fchmod(dir, mode); });
  int64_t n = retry([&] { return ::syscall(SYS_fchmodat2, dir, name, mode, AT_SYMLINK_NOFOLLOW); });
  if (n != -ENOSYS) return n;
  int fd = static_cast<int>(retry([&] { return ::openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  if (fd < 0) return fd;
  struct stat s;
  if (::fstat(fd, &s) == 0 && S_ISLNK(s.st_mode)) {
    n = -EOPNOTSUPP;
  } else {
    char path[32];
    proc_path(path, sizeof(path), fd);
    n = retry([&] { return ::chmod(path, mode); });
  }
  ::close(fd);
  return n;
}

int64_t op_utimens(Context& c, Record& r) {
  int dir = c.fd(r, 0);
  if (dir < 0) return -EBADF;
  const char* name = r.text(1);
  struct timespec times[2] = {{r.integer(2), static_cast<long>(r.integer(3))}, {r.integer(4), static_cast<long>(r.integer(5))}};
  if (name == nullptr) return retry([&] { return ::futimens(dir, times); });
  return retry([&] { return ::utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW); });
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
  return retry([&] { return ::copy_file_range(in, &from, out, &to, static_cast<size_t>(r.integer(4)), 0); });
}

int64_t op_fsync(Context& c, Record& r) { return grouped_sync(c.fd(r, 0), false); }

int64_t op_fdatasync(Context& c, Record& r) { return grouped_sync(c.fd(r, 0), true); }

int64_t op_syncfs(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  return retry([&] { return ::syncfs(fd); });
}

int64_t op_statvfs(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  struct statvfs s;
  int64_t n = retry([&] { return ::fstatvfs(fd, &s); });
  if (n < 0) return n;
  double* out = r.pointer<double>(1);
  const double values[] = {
      static_cast<double>(s.f_bsize), static_cast<double>(s.f_frsize), static_cast<double>(s.f_blocks),
      static_cast<double>(s.f_bfree), static_cast<double>(s.f_bavail), static_cast<double>(s.f_files),
      static_cast<double>(s.f_ffree), static_cast<double>(s.f_favail), static_cast<double>(s.f_fsid),
      static_cast<double>(s.f_flag),  static_cast<double>(s.f_namemax)};
  memcpy(out, values, sizeof(values));
  return 0;
}

}  // namespace brickd
