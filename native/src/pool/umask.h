// The umask of threads that work on bricks. Where the system lets a thread have file system attributes (umask, current
// directory) of its own, other threads keep theirs.
#pragma once

namespace brickd {

// Sets the umask of the calling thread now, and of every other one when it first runs a batch. Returns the former one.
int set_umask(int mask);

// Takes over the mask that was set last.
void apply_umask();

}  // namespace brickd
