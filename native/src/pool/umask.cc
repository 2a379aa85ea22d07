// The umask of the process's brick threads.
#include "pool/umask.h"

#include <sys/stat.h>

#include <atomic>

#include "ops/working_directory.h"

namespace brickd {

namespace {

// -1: nobody has set one, every thread keeps what it inherited.
std::atomic<int> wanted{-1};
thread_local int applied = -1;

int apply(int mask) {
  // What other threads make, outside bricks, keeps the mask that the process was started with.
  own_working_directory();
  applied = mask;
  return static_cast<int>(::umask(static_cast<mode_t>(mask)));
}

}  // namespace

int set_umask(int mask) {
  mask &= 0777;
  wanted.store(mask);
  return apply(mask);
}

void apply_umask() {
  int mask = wanted.load(std::memory_order_relaxed);
  if (mask != applied) apply(mask);
}

}  // namespace brickd
