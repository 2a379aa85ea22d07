// Concurrent syncs of the same file share one system call.
#pragma once

#include <cstdint>

namespace brickd {

// fsync(2), or fdatasync(2) when data_only, of the calls that wait for the same file at that moment. A call never
// counts on a sync that began before it, and learns of write errors as it would have by a sync of its own, and of those
// that a sync met which it had to wait for: the kernel tells a descriptor once, and several calls may share it. Returns
// 0 or -errno.
int64_t grouped_sync(int fd, bool data_only);

// Write errors of the file that the kernel has not yet told this descriptor of: 0 or -errno. Starts no write, flushes
// no disk.
int64_t untold_errors(int fd);

}  // namespace brickd
