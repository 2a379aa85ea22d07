#include "umask.h"

#include <sys/stat.h>

#include <atomic>

namespace brickd {

namespace {

// -1: nobody has set one, every thread keeps what it inherited.
std::atomic<int> wanted{-1};
thread_local int applied = -1;

}  // namespace

int set_umask(int mask) {
  mask &= 0777;
  wanted.store(mask);
  applied = mask;
  return static_cast<int>(::umask(static_cast<mode_t>(mask)));
}

void apply_umask() {
  int mask = wanted.load(std::memory_order_relaxed);
  if (mask == applied) return;
  applied = mask;
  ::umask(static_cast<mode_t>(mask));
}

}  // namespace brickd
