// Ops on directory entries: open, close, and the calls that create, rename or remove a name.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/ownership.h"
#include "ops/batch.h"
#include "ops/open_beneath.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

namespace brickd {

namespace {

// openat2(2) refuses flags that openat(2) overlooks: what the kernel knows, and what it knows with O_PATH.
constexpr uint64_t kOpenFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |
                                O_ASYNC | O_DIRECT | 0100000 /* O_LARGEFILE */ | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |
                                O_CLOEXEC | O_PATH | O_TMPFILE;
constexpr uint64_t kPathFlags = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;

// Promises that can be kept without openat2.
constexpr uint64_t kSubstituted = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

int64_t open_at(int dir, const Record& r, uint64_t flags) {
  flags = (flags | O_CLOEXEC) & kOpenFlags;
  if ((flags & O_PATH) != 0) flags &= kPathFlags;
  bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  mode_t mode = makes ? r.bits(3) & 07777 : 0;
  uint64_t resolve = r.bits(4);
  if (resolve != 0) {
    struct open_how how {};
    how.flags = flags;
    how.mode = mode;
    how.resolve = resolve;
    int64_t fd = retry([&] { return ::syscall(SYS_openat2, dir, r.text(1), &how, sizeof(how)); });
    // A kernel that can't tell what is cached (EINVAL before 5.12, ENOSYS before 5.6): who asks must be ready to block.
    if ((resolve & RESOLVE_CACHED) != 0) return fd == -EINVAL || fd == -ENOSYS ? -EAGAIN : fd;
    if (fd != -ENOSYS || (resolve & ~kSubstituted) != 0) return fd;
    return open_beneath(dir, r.text(1), static_cast<int>(flags), mode);
  }
  return retry([&] { return ::openat(dir, r.text(1), static_cast<int>(flags), mode); });
}

// 0 for a regular file, else what opening the data of such a thing is refused with.
int64_t refusal(int fd) {
  struct stat st;
  if (::fstat(fd, &st) < 0) return -errno;
  switch (st.st_mode & S_IFMT) {
    case S_IFREG:
      return 0;
    case S_IFDIR:
      return -EISDIR;
    case S_IFLNK:
      return -ELOOP;
    case S_IFSOCK:
      return -ENXIO;
    default:
      return -EINVAL;
  }
}

// What was opened, if it is a regular file; otherwise it is closed.
int64_t only_regular(int64_t fd) {
  if (fd < 0) return fd;
  int64_t error = refusal(static_cast<int>(fd));
  if (error == 0) return fd;
  ::close(static_cast<int>(fd));
  return error;
}

// Looks at what has the name before it is opened: the open of a device can have effects of its own.
int64_t look_and_open(int dir, const Record& r, uint64_t flags) {
  int64_t path = only_regular(open_at(dir, r, O_PATH | O_NOFOLLOW));
  if (path < 0) return path;
  ProcPath file(static_cast<int>(path));
  int plain = static_cast<int>((flags & ~static_cast<uint64_t>(O_NOFOLLOW)) | O_CLOEXEC);
  int64_t fd = retry([&] { return ::open(file.text, plain); });
  ::close(static_cast<int>(path));
  return fd;
}

}  // namespace

int64_t op_openreg(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  constexpr uint64_t kUnusable = O_CREAT | O_EXCL | O_DIRECTORY | O_PATH | (O_TMPFILE & ~O_DIRECTORY);
  uint64_t flags = (r.bits(2) & kOpenFlags & ~kUnusable) | O_NOFOLLOW;
  const bool known = r.number(3) != 0;
  const bool cached = (r.bits(4) & RESOLVE_CACHED) != 0;
  // Another thing may have got the name meanwhile: O_NONBLOCK, so that a FIFO does not wait for its other end.
  int64_t fd = known ? only_regular(open_at(dir, r, flags | O_NONBLOCK | O_NOCTTY)) : -EAGAIN;
  // A lease is waited for, unless the caller can't wait.
  if (fd == -EAGAIN && !(known && cached)) fd = look_and_open(dir, r, cached ? flags | O_NONBLOCK : flags);
  if (fd >= 0) own_descriptor(static_cast<int>(fd), r.bits(5));
  return fd;
}

int64_t op_open(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  int64_t fd = open_at(dir, r, r.bits(2));
  // The last operand is the environment that the batch is of.
  if (fd >= 0) own_descriptor(static_cast<int>(fd), r.bits(5));
  return fd;
}

int64_t op_close(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  if (fd < 0) return -EBADF;
  c.cwd.forget(fd);
  disown_descriptor(fd);
  // Never again on EINTR: the descriptor is gone, and its number may be another's.
  return ::close(fd) < 0 && errno != EINTR ? -errno : 0;
}

int64_t op_retire(Context& c, Record& r) {
  // An end of a pipe of its own: nothing is found below it, and nothing that is done to it leaves a trace.
  static const int nothing = [] {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return -1;
    ::close(ends[1]);
    return ends[0];
  }();
  int fd = c.fd(r, 0);
  if (fd < 0 || nothing < 0) return -EBADF;
  c.cwd.forget(fd);
  return ::dup3(nothing, fd, O_CLOEXEC) < 0 ? -errno : 0;
}

int64_t op_link(Context& c, Record& r) {
  int from = c.directory(r, 0);
  int to = c.directory(r, 2);
  if (from == -1 || to == -1) return -EBADF;
  const char* name = r.text(1);
  if (name != nullptr) return retry([&] { return ::linkat(from, name, to, r.text(3), 0); });
  int64_t n = retry([&] { return ::linkat(from, "", to, r.text(3), AT_EMPTY_PATH); });
  // What the kernel says to those without CAP_DAC_READ_SEARCH.
  if (n != -ENOENT) return n;
  return retry([&] { return ::linkat(AT_FDCWD, ProcPath(from).text, to, r.text(3), AT_SYMLINK_FOLLOW); });
}

int64_t op_unlink(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  return retry([&] { return ::unlinkat(dir, r.text(1), r.number(2)); });
}

int64_t op_rename(Context& c, Record& r) {
  int from = c.directory(r, 0);
  int to = c.directory(r, 2);
  if (from == -1 || to == -1) return -EBADF;
  return retry([&] { return ::syscall(SYS_renameat2, from, r.text(1), to, r.text(3), r.bits(4)); });
}

int64_t op_mkdir(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  return retry([&] { return ::mkdirat(dir, r.text(1), r.bits(2)); });
}

int64_t op_mknod(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  return retry([&] { return ::mknodat(dir, r.text(1), r.bits(2), static_cast<dev_t>(r.integer(3))); });
}

int64_t op_symlink(Context& c, Record& r) {
  int dir = c.directory(r, 1);
  if (dir == -1) return -EBADF;
  return retry([&] { return ::symlinkat(r.text(0), dir, r.text(2)); });
}

int64_t op_readlink(Context& c, Record& r) {
  int dir = c.directory(r, 0);
  if (dir == -1) return -EBADF;
  const char* name = r.text(1);
  return retry([&] { return ::readlinkat(dir, name == nullptr ? "" : name, r.pointer<char>(2), r.size(3)); });
}

}  // namespace brickd
