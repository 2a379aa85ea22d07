// A current directory per thread, by unshare(CLONE_FS) and fchdir.
#include "ops/working_directory.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace brickd {

namespace {

// A descriptor of "/", open for as long as the process lives.
int root_directory() {
  static const int fd = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return fd;
}

bool is_main_thread() { return ::syscall(SYS_gettid) == ::getpid(); }

}  // namespace

bool own_working_directory() {
  thread_local int state = -1;
  if (state < 0) state = root_directory() >= 0 && ::unshare(CLONE_FS) == 0 ? 1 : 0;
  return state == 1;
}

int WorkingDirectory::enter(int dir) {
  if (dir == AT_FDCWD) {
    leave();
    return 0;
  }
  if (dir < 0) return -EBADF;
  if (dir == current_) return 0;
  if (!own_working_directory()) return kShared;
  // The main thread's current directory is what process.cwd() and relative paths of a program go by.
  if (!moved_ && is_main_thread()) home_ = ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (::fchdir(dir) < 0) {
    int error = errno;
    if (!moved_ && home_ >= 0) {
      ::close(home_);
      home_ = -1;
    }
    return -error;
  }
  moved_ = true;
  current_ = dir;
  return 0;
}

void WorkingDirectory::go_home() {
  bool back = home_ >= 0 && ::fchdir(home_) == 0;
  if (!back) back = ::fchdir(root_directory()) == 0;
  if (home_ >= 0) ::close(home_);
  home_ = -1;
  current_ = -1;
  // If even that has failed, the next op enters its own directory anyway.
  moved_ = !back;
}

}  // namespace brickd
