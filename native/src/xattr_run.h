// A run of xattrs: {u32 keyLength, u32 valueLength, key, value}... as native/batch.ts describes it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace brickd {

// The xattrs of `name` in the current directory (of descriptor `fd` when name is null) whose names match one of the
// NUL-separated patterns (none: all). Returns bytes written, or -errno; -ERANGE when they don't fit.
int64_t write_xattr_run(int fd, const char* name, const char* patterns, size_t pattern_bytes, char* out, size_t room);

}  // namespace brickd
