// Reads and writes on descriptors that may be O_DIRECT.
#pragma once

#include <cstddef>
#include <cstdint>

// Reads and writes by descriptors that may be O_DIRECT. A request that does not fit the disk's sectors goes through the
// page cache instead: a client can't know the sector size of a brick's disk, or that the file has moved to another one.
// The kernel keeps both ways coherent. Results are a count or a negated errno.
namespace brickd {

int64_t read_at(int fd, void* into, size_t length, int64_t offset);

// One write, which may be short. flags: RWF_*.
int64_t write_at(int fd, const void* from, size_t length, int64_t offset, int flags);

}  // namespace brickd
