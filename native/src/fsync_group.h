// Concurrent syncs of one file share a system call.
#pragma once

#include <cstdint>

namespace brickd {

// fsync(2), or fdatasync(2) when data_only, of the calls that wait for the same file at that moment. A call never counts on
// a sync that began before it, and learns of write errors as it would have by a sync of its own. Returns 0 or -errno.
int64_t grouped_sync(int fd, bool data_only);

}  // namespace brickd
