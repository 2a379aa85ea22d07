// The batch as native code sees it: records of eight doubles (see native/batch.ts).
#pragma once

#include <cerrno>
#include <cstdint>

namespace brickd {

// One record: code | flags << 8, six operands, result.
struct Record {
  double code;
  double operand[6];
  double result;

  int64_t integer(int i) const { return static_cast<int64_t>(operand[i]); }
  int number(int i) const { return static_cast<int>(static_cast<int64_t>(operand[i])); }
  uint32_t bits(int i) const { return static_cast<uint32_t>(static_cast<int64_t>(operand[i])); }
  template <typename T>
  T* pointer(int i) const {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(operand[i]));
  }
  const char* text(int i) const { return pointer<const char>(i); }
};

constexpr int kIgnore = 1;
constexpr int kCleanup = 2;
constexpr int kAlways = 4;

// Operands at or below this name the result of an earlier record: kRegister - index.
constexpr double kRegister = -1000;

// Every op: name for JavaScript, and function. The codes are the positions, from 1.
#define BRICKD_OPS(X)       \
  X(OPEN, op_open)          \
  X(CLOSE, op_close)        \
  X(STATX, op_statx)        \
  X(GETXATTR, op_getxattr)  \
  X(SETXATTR, op_setxattr)  \
  X(REMOVEXATTR, op_removexattr) \
  X(LISTXATTR, op_listxattr) \
  X(XATTRS, op_xattrs)      \
  X(PREAD, op_pread)        \
  X(PWRITE, op_pwrite)      \
  X(LINK, op_link)          \
  X(UNLINK, op_unlink)      \
  X(RENAME, op_rename)      \
  X(MKDIR, op_mkdir)        \
  X(MKNOD, op_mknod)        \
  X(SYMLINK, op_symlink)    \
  X(READLINK, op_readlink)  \
  X(CHOWN, op_chown)        \
  X(CHMOD, op_chmod)        \
  X(UTIMENS, op_utimens)    \
  X(FTRUNCATE, op_ftruncate) \
  X(FALLOCATE, op_fallocate) \
  X(LSEEK, op_lseek)        \
  X(COPYRANGE, op_copyrange) \
  X(FSYNC, op_fsync)        \
  X(FDATASYNC, op_fdatasync) \
  X(SYNCFS, op_syncfs)      \
  X(STATVFS, op_statvfs)    \
  X(READDIR, op_readdir)

// The thread's current directory while a batch runs: ops on (directory, name) that lack an *at call use it.
class WorkingDirectory {
 public:
  // Makes `dir` the current directory of this thread alone. Returns 0 or -errno.
  int enter(int dir);
  // Back to "/": no file system stays busy because of an idle thread.
  void leave();

 private:
  int current_ = -1;
};

struct Context {
  Record* records;
  int index;
  WorkingDirectory cwd;

  // Descriptor operand `i` of a record: a descriptor, or the result of an earlier record. Never a valid one by accident.
  int fd(const Record& r, int i) const {
    double v = r.operand[i];
    if (v <= kRegister) {
      int from = static_cast<int>(kRegister - v);
      if (from < 0 || from >= index) return -1;
      double result = records[from].result;
      return result >= 0 ? static_cast<int>(result) : -1;
    }
    return v >= 0 ? static_cast<int>(v) : -1;
  }
};

#define X(name, function) int64_t function(Context& c, Record& r);
BRICKD_OPS(X)
#undef X

// Runs a batch to its end. Returns 0, or -errno of the op that failed it.
int run_batch(Record* records);

inline int64_t result_of(int64_t n) { return n < 0 ? -errno : n; }

template <typename F>
int64_t retry(F call) {
  for (;;) {
    int64_t n = call();
    if (n >= 0) return n;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace brickd
