// Runs batches: one record after the other, with the rules for failures.
#include "batch.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace brickd {

namespace {

using Op = int64_t (*)(Context&, Record&);

const Op kOps[] = {
    nullptr,
#define X(name, function) function,
    BRICKD_OPS(X)
#undef X
};
constexpr int kOpCount = sizeof(kOps) / sizeof(kOps[0]);

// A descriptor of "/", open for as long as the process lives.
int root_directory() {
  static const int fd = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return fd;
}

// Whether this thread has a current directory of its own.
bool own_directory() {
  thread_local int state = -1;
  if (state < 0) state = ::unshare(CLONE_FS) == 0 ? 1 : 0;
  return state == 1;
}

}  // namespace

int WorkingDirectory::enter(int dir) {
  if (dir < 0) return -EBADF;
  if (dir == current_) return 0;
  if (!own_directory()) return -EPERM;
  if (::fchdir(dir) < 0) return -errno;
  current_ = dir;
  return 0;
}

void WorkingDirectory::leave() {
  if (current_ < 0) return;
  current_ = -1;
  int root = root_directory();
  if (root < 0 || ::fchdir(root) < 0) {
    // Nothing better to do: the next batch enters its own directory anyway.
    return;
  }
}

int run_batch(Record* records) {
  Context c{records, 0, {}};
  int failure = 0;
  for (int i = 0;; i++) {
    Record& r = records[i];
    int word = static_cast<int>(r.code);
    int code = word & 0xff;
    if (code == 0) break;
    int flags = word >> 8;
    bool runs = (flags & kAlways) != 0 || (failure != 0) == ((flags & kCleanup) != 0);
    if (!runs) {
      r.result = -ECANCELED;
      continue;
    }
    c.index = i;
    int64_t n = code < kOpCount ? kOps[code](c, r) : -ENOSYS;
    r.result = static_cast<double>(n);
    if (n < 0 && failure == 0 && (flags & (kIgnore | kCleanup | kAlways)) == 0) failure = static_cast<int>(n);
  }
  c.cwd.leave();
  return failure;
}

}  // namespace brickd
