// Replacement for openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, for kernels before 5.6 and for sandboxes
// that forbid it.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace brickd {

// Opens `path` below `dir`, following no symlink and never leaving `dir` (-EXDEV for ".." and absolute paths). The
// flags are openat's. Returns a descriptor or -errno.
int64_t open_beneath(int dir, const char* path, int flags, mode_t mode);

}  // namespace brickd
