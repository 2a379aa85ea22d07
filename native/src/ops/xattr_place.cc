// Xattr calls on an open file, on a name in the current directory, or by way of /proc/self/fd.
#include "ops/xattr_place.h"

#include <sys/xattr.h>

#include <climits>
#include <cstdio>

namespace brickd {

namespace {

// Calls on the open file, unless it is an O_PATH descriptor: then on what it stands for.
template <typename Open, typename Path>
int64_t on_descriptor(int fd, Open open, Path path) {
  int64_t n = retry([&] { return open(fd); });
  if (n != -EBADF || fd < 0) return n;
  n = retry([&] { return path(ProcPath(fd).text); });
  return n == -ENOENT ? -EBADF : n;
}

}  // namespace

XattrPlace::XattrPlace(Context& c, int dir, const char* name) : fd_(dir), name_(name) {
  if (dir == -1) {
    error_ = -EBADF;
    return;
  }
  if (name == nullptr || name[0] == '/') return;
  int entered = c.cwd.enter(dir);
  if (entered == 0) return;
  if (entered < 0) {
    error_ = entered;
    return;
  }
  thread_local char path[PATH_MAX + 32];
  int length = snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
  if (length >= static_cast<int>(sizeof(path))) error_ = -ENAMETOOLONG;
  name_ = path;
}

int64_t XattrPlace::get(const char* key, void* value, size_t size) const {
  if (name_ != nullptr) return retry([&] { return ::lgetxattr(name_, key, value, size); });
  return on_descriptor(
      fd_, [&](int fd) { return ::fgetxattr(fd, key, value, size); },
      [&](const char* path) { return ::getxattr(path, key, value, size); });
}

int64_t XattrPlace::list(char* names, size_t size) const {
  if (name_ != nullptr) return retry([&] { return ::llistxattr(name_, names, size); });
  return on_descriptor(
      fd_, [&](int fd) { return ::flistxattr(fd, names, size); },
      [&](const char* path) { return ::listxattr(path, names, size); });
}

int64_t XattrPlace::set(const char* key, const void* value, size_t size, int flags) const {
  if (name_ != nullptr) return retry([&] { return ::lsetxattr(name_, key, value, size, flags); });
  return on_descriptor(
      fd_, [&](int fd) { return ::fsetxattr(fd, key, value, size, flags); },
      [&](const char* path) { return ::setxattr(path, key, value, size, flags); });
}

int64_t XattrPlace::remove(const char* key) const {
  if (name_ != nullptr) return retry([&] { return ::lremovexattr(name_, key); });
  return on_descriptor(
      fd_, [&](int fd) { return ::fremovexattr(fd, key); }, [&](const char* path) { return ::removexattr(path, key); });
}

}  // namespace brickd
