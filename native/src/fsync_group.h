// Concurrent syncs of one file share a system call.
#pragma once

#include <cstdint>

namespace brickd {

// fsync(2), or fdatasync(2) when data_only. A call that finds another one waiting to start joins it. Returns 0 or -errno.
int64_t grouped_sync(int fd, bool data_only);

}  // namespace brickd
