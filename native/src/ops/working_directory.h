// The current directory of a thread while it runs a batch. It serves ops on (directory, name) for which Linux has no
// *at call.
#pragma once

namespace brickd {

class WorkingDirectory {
 public:
  // The thread shares its current directory with others: name files by /proc/self/fd instead.
  static constexpr int kShared = 1;

  // Makes `dir` (AT_FDCWD: the one that the batch began with) the current directory of this thread alone. Remembers it,
  // so that the next op on the same directory costs nothing. Returns 0, kShared or -errno.
  int enter(int dir);

  // A descriptor gets closed: its number may come back as another directory's.
  void forget(int fd) {
    if (fd == current_) current_ = -1;
  }

  // Goes back to where the thread was (the main thread) or to "/" (others), so that no file system stays busy.
  void leave() {
    if (moved_) go_home();
  }

 private:
  void go_home();

  int current_ = -1;
  int home_ = -1;
  bool moved_ = false;
};

// Gives the calling thread a current directory and umask of its own, if it may have one (seccomp can forbid it).
bool own_working_directory();

}  // namespace brickd
