// Addresses the file of an xattr op, and calls the xattr system calls on it.
#pragma once

#include <sys/types.h>

#include "ops/batch.h"

namespace brickd {

// An open file, or a name: in the thread's current directory, or a path by way of /proc/self/fd where a thread can't
// have a current directory of its own. Valid until the same thread makes the next one.
class XattrPlace {
 public:
  XattrPlace(Context& c, int dir, const char* name);

  // 0 or -errno: nothing else may be called then.
  int error() const { return error_; }

  int64_t get(const char* key, void* value, size_t size) const;
  int64_t list(char* names, size_t size) const;
  int64_t set(const char* key, const void* value, size_t size, int flags) const;
  int64_t remove(const char* key) const;

  // Every xattr whose name matches one of the NUL-separated patterns (none: all), as native/ops.ts describes for
  // XATTRS. Returns bytes written, or -errno; -ERANGE when they don't fit.
  int64_t run(const char* patterns, size_t pattern_bytes, char* out, size_t room) const;

 private:
  int64_t write_one(const char* key, char* out, size_t room) const;

  int fd_;
  const char* name_;
  int error_ = 0;
};

}  // namespace brickd
