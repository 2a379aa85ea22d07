// Opens a path component by component, for kernels without openat2(2).
#include "ops/open_beneath.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "ops/batch.h"

namespace brickd {

namespace {

bool is_symlink(int dir, const char* name) {
  char c;
  return ::readlinkat(dir, name, &c, 1) >= 0;
}

// The last component. O_NOFOLLOW refuses a symlink there, except that O_PATH opens the link itself if the caller wants
// that.
int64_t open_last(int dir, const char* name, int flags, mode_t mode) {
  if ((flags & O_PATH) != 0 && (flags & O_NOFOLLOW) == 0 && is_symlink(dir, name)) return -ELOOP;
  return retry([&] { return ::openat(dir, name, flags | O_NOFOLLOW, mode); });
}

int64_t open_directory(int dir, const char* name) {
  int64_t fd = retry([&] { return ::openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); });
  return fd == -ENOTDIR && is_symlink(dir, name) ? -ELOOP : fd;
}

}  // namespace

int64_t open_beneath(int dir, const char* path, int flags, mode_t mode) {
  if (path == nullptr) return -EFAULT;
  if (path[0] == '\0') return -ENOENT;
  if (path[0] == '/') return -EXDEV;
  int at = dir;
  std::string name;
  for (;;) {
    const char* start = path;
    while (*path != '\0' && *path != '/') path++;
    name.assign(start, path);
    bool slash = *path == '/';
    while (*path == '/') path++;
    bool last = *path == '\0';
    int64_t fd;
    if (name == "..") {
      fd = -EXDEV;
    } else if (last) {
      fd = open_last(at, name.c_str(), slash ? flags | O_DIRECTORY : flags, mode);
    } else {
      fd = open_directory(at, name.c_str());
    }
    if (at != dir) ::close(at);
    if (last || fd < 0) return fd;
    at = static_cast<int>(fd);
  }
}

}  // namespace brickd
