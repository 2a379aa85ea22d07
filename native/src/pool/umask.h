// The umask of threads that work on bricks. Threads that may have file system attributes of their own (umask, current
// directory) do not change those of others.
#pragma once

namespace brickd {

// Sets the umask of the calling thread now, and of every other one when it first runs a batch. Returns the former one.
int set_umask(int mask);

// Takes over the mask that was set last.
void apply_umask();

}  // namespace brickd
