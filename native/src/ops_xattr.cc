// Ops on extended attributes, of an open file or of a name in a directory (by way of the thread's current directory, as
// the kernel has no *at calls for them on the systems that brickd supports).
#include "batch.h"

#include <fnmatch.h>
#include <sys/xattr.h>

#include <cstring>
#include <string>
#include <vector>

#include "xattr_run.h"

namespace brickd {

namespace {

// Where an op's file is: a name in the current directory, or a descriptor when the name is null.
struct Place {
  const char* name;
  int fd;
  int error;
};

Place place(Context& c, Record& r) {
  Place p{r.text(1), c.fd(r, 0), 0};
  if (p.fd < 0) p.error = -EBADF;
  else if (p.name != nullptr) p.error = c.cwd.enter(p.fd);
  return p;
}

ssize_t get(const Place& p, const char* key, void* value, size_t size) {
  return p.name == nullptr ? ::fgetxattr(p.fd, key, value, size) : ::lgetxattr(p.name, key, value, size);
}

ssize_t list(const Place& p, char* names, size_t size) {
  return p.name == nullptr ? ::flistxattr(p.fd, names, size) : ::llistxattr(p.name, names, size);
}

bool wanted(const char* name, const char* patterns, size_t length) {
  if (length == 0) return true;
  for (const char* p = patterns; p < patterns + length; p += strlen(p) + 1) {
    if (fnmatch(p, name, 0) == 0) return true;
  }
  return false;
}

// All names of a file, each with its NUL. Grows until they fit.
int64_t all_names(const Place& p, std::vector<char>& names) {
  if (names.size() < 4096) names.resize(4096);
  for (;;) {
    int64_t n = retry([&] { return list(p, names.data(), names.size()); });
    if (n != -ERANGE || names.size() > (1u << 20)) return n;
    names.resize(names.size() * 4);
  }
}

}  // namespace

int64_t write_xattr_run(int fd, const char* name, const char* patterns, size_t pattern_bytes, char* out, size_t room) {
  Place p{name, fd, 0};
  thread_local std::vector<char> names;
  int64_t n = all_names(p, names);
  if (n == -EOPNOTSUPP || n == -ENODATA) return 0;
  if (n < 0) return n;
  size_t used = 0;
  for (char* key = names.data(); key < names.data() + n; key += strlen(key) + 1) {
    if (!wanted(key, patterns, pattern_bytes)) continue;
    size_t key_length = strlen(key);
    if (used + 8 + key_length > room) return -ERANGE;
    char* value = out + used + 8 + key_length;
    size_t left = room - (used + 8 + key_length);
    // With no room left a call with size 0 would only ask for the length: a run must have a byte to spare.
    if (left == 0) return -ERANGE;
    int64_t size = retry([&] { return get(p, key, value, left); });
    if (size == -ENODATA || size == -EOPNOTSUPP) continue;  // gone meanwhile
    if (size < 0) return size;
    uint32_t lengths[2] = {static_cast<uint32_t>(key_length), static_cast<uint32_t>(size)};
    memcpy(out + used, lengths, 8);
    memcpy(out + used + 8, key, key_length);
    used += 8 + key_length + static_cast<size_t>(size);
  }
  return static_cast<int64_t>(used);
}

int64_t op_getxattr(Context& c, Record& r) {
  Place p = place(c, r);
  if (p.error != 0) return p.error;
  return retry([&] { return get(p, r.text(2), r.pointer<void>(3), static_cast<size_t>(r.integer(4))); });
}

int64_t op_setxattr(Context& c, Record& r) {
  Place p = place(c, r);
  if (p.error != 0) return p.error;
  const void* value = r.pointer<const void>(3);
  size_t size = static_cast<size_t>(r.integer(4));
  int flags = r.number(5);
  if (p.name == nullptr) return retry([&] { return ::fsetxattr(p.fd, r.text(2), value, size, flags); });
  return retry([&] { return ::lsetxattr(p.name, r.text(2), value, size, flags); });
}

int64_t op_removexattr(Context& c, Record& r) {
  Place p = place(c, r);
  if (p.error != 0) return p.error;
  if (p.name == nullptr) return retry([&] { return ::fremovexattr(p.fd, r.text(2)); });
  return retry([&] { return ::lremovexattr(p.name, r.text(2)); });
}

int64_t op_listxattr(Context& c, Record& r) {
  Place p = place(c, r);
  if (p.error != 0) return p.error;
  return retry([&] { return list(p, r.pointer<char>(2), static_cast<size_t>(r.integer(3))); });
}

int64_t op_xattrs(Context& c, Record& r) {
  Place p = place(c, r);
  if (p.error != 0) return p.error;
  return write_xattr_run(p.fd, p.name, r.text(2), static_cast<size_t>(r.integer(3)), r.pointer<char>(4),
                         static_cast<size_t>(r.integer(5)));
}

}  // namespace brickd
