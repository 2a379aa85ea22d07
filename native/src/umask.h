// The umask of the process, also for threads whose file system attributes (umask, current directory) are their own.
#pragma once

namespace brickd {

// Sets the umask of the calling thread now, and of every other one when it next runs a batch. Returns the former one.
int set_umask(int mask);

// Takes over the mask that was set last.
void apply_umask();

}  // namespace brickd
