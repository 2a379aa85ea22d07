// The batch as native code sees it (native/batch.ts describes it): records, the table of ops, what an op may use.
// JavaScript learns the numbers when it loads the addon (layout_binding.cc).
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "ops/working_directory.h"

namespace brickd {

// A double from JavaScript as an integer; what is none gives one that every system call refuses as size or offset.
inline int64_t to_integer(double v) { return v >= -9.2e18 && v <= 9.2e18 ? static_cast<int64_t>(v) : INT64_MIN; }

constexpr int kOperands = 6;
// The flags of a record lie above the code of its op.
constexpr int kFlagsShift = 8;

// One record: code | flags << kFlagsShift, operands, result.
struct Record {
  double code;
  double operand[kOperands];
  double result;

  int op() const { return static_cast<int>(to_integer(code) & ((1 << kFlagsShift) - 1)); }
  int flags() const { return static_cast<int>(to_integer(code) >> kFlagsShift); }
  int64_t integer(int i) const { return to_integer(operand[i]); }
  int number(int i) const { return static_cast<int>(integer(i)); }
  uint32_t bits(int i) const { return static_cast<uint32_t>(integer(i)); }
  size_t size(int i) const { return static_cast<size_t>(integer(i)); }
  template <typename T>
  T* pointer(int i) const {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(integer(i)));
  }
  const char* text(int i) const { return pointer<const char>(i); }
};

constexpr int kIgnore = 1;
constexpr int kCleanup = 2;
constexpr int kAlways = 4;

// Records of a batch at most, the one that ends it included.
constexpr int kMaxRecords = 28;

// The last record of a batch is never an op: its operands tell what the pool knows of the batch, times in milliseconds of the
// monotonic clock. The thread that runs it, or the monitor, writes; who has submitted it may read at any time.
enum BatchTime : int {
  kSubmitted,
  // 0: it has not begun.
  kStarted,
  kEnded,
  // The op that has taken longest, and for how long: known of batches that run for long, as exactly as the monitor looks.
  kLongestOp,
  kLongestMs
};

// Operands at or below this name the result of an earlier record: kRegister - index.
constexpr double kRegister = -1000;

// Added to the result of a batch that has kept the event loop's thread waiting: results proper are never above zero.
constexpr int kSlowMark = 65536;

// What an op wants of the disk, which may have stopped doing one of these while it does the others still.
enum OpClass : int { kReads, kChanges, kSyncs, kOpClasses };

// Every op: its name for JavaScript, its function, whether it is heavy, that is, may well keep a thread waiting for
// the disk, and its class. The codes are the positions, from 1.
#define BRICKD_OPS(X)                             \
  X(OPEN, op_open, false, kReads)                 \
  X(CLOSE, op_close, false, kReads)               \
  X(STATX, op_statx, false, kReads)               \
  X(GETXATTR, op_getxattr, false, kReads)         \
  X(SETXATTR, op_setxattr, false, kChanges)       \
  X(REMOVEXATTR, op_removexattr, false, kChanges) \
  X(LISTXATTR, op_listxattr, false, kReads)       \
  X(XATTRS, op_xattrs, false, kReads)             \
  X(PREAD, op_pread, true, kReads)                \
  X(PWRITE, op_pwrite, true, kChanges)            \
  X(LINK, op_link, false, kChanges)               \
  X(UNLINK, op_unlink, true, kChanges)            \
  X(RENAME, op_rename, true, kChanges)            \
  X(MKDIR, op_mkdir, false, kChanges)             \
  X(MKNOD, op_mknod, false, kChanges)             \
  X(SYMLINK, op_symlink, false, kChanges)         \
  X(READLINK, op_readlink, false, kReads)         \
  X(CHOWN, op_chown, false, kChanges)             \
  X(CHMOD, op_chmod, false, kChanges)             \
  X(UTIMENS, op_utimens, false, kChanges)         \
  X(FTRUNCATE, op_ftruncate, true, kChanges)      \
  X(FALLOCATE, op_fallocate, true, kChanges)      \
  X(LSEEK, op_lseek, false, kReads)               \
  X(COPYRANGE, op_copyrange, true, kChanges)      \
  X(FSYNC, op_fsync, true, kSyncs)                \
  X(FDATASYNC, op_fdatasync, true, kSyncs)        \
  X(SYNCFS, op_syncfs, true, kSyncs)              \
  X(STATVFS, op_statvfs, false, kReads)           \
  X(READDIR, op_readdir, true, kReads)            \
  X(FSTYPE, op_fstype, false, kReads)             \
  X(RETIRE, op_retire, false, kReads)             \
  X(CHECKSUM, op_checksum, true, kReads)          \
  X(SPLICE, op_splice, true, kReads)              \
  X(OPENREG, op_openreg, false, kReads)           \
  X(SYNCERRORS, op_syncerrors, true, kSyncs)      \
  X(EXPECT, op_expect, false, kReads)

enum OpCode : int {
  kEnd,
#define X(name, function, heavy, op_class) k##name,
  BRICKD_OPS(X)
#undef X
      kOpCodes
};
static_assert(kOpCodes <= 1 << kFlagsShift, "codes of ops must not reach the flags");

// What a batch carries along while it runs.
struct Context {
  const Record* records;
  int index = 0;
  WorkingDirectory cwd{};

  // Descriptor operand `i` of a record: a descriptor, or the one that an earlier OPEN gave; -1 if that has failed or
  // was skipped, so that no op ever works on a descriptor by accident.
  int fd(const Record& r, int i) const;
  // The same where a directory is wanted: AT_FDCWD is one too (for absolute names).
  int directory(const Record& r, int i) const;
};

#define X(name, function, heavy, op_class) int64_t function(Context& c, Record& r);
BRICKD_OPS(X)
#undef X

inline void set_time(Record* records, BatchTime which, double value) {
  __atomic_store(&records[kMaxRecords - 1].operand[which], &value, __ATOMIC_RELAXED);
}

// How far a batch is, for those who watch the thread that runs it.
struct Progress {
  // Index of the op that runs.
  std::atomic<int> index{0};
  // Class of the op that runs.
  std::atomic<int> now{kReads};
  // Classes of the ops that have run, a bit each. Read by the thread itself only.
  unsigned done = 0;
};

// Runs a batch to its end. Returns 0, or -errno of the op that failed it. Once `ended` is true the next op is skipped
// as if the one before had failed, and so are all that a failure skips.
int run_batch(Record* records, const std::atomic<bool>* ended = nullptr, Progress* progress = nullptr);

// Whether a batch has a heavy op.
bool is_heavy(const Record* records);

// Gives every op of a batch that never ran the result -ECANCELED.
void cancel_batch(Record* records);

// A system call's result, or -errno; repeated as long as signals interrupt it.
template <typename F>
int64_t retry(F call) {
  for (;;) {
    int64_t n = call();
    if (n >= 0) return n;
    if (errno != EINTR) return -errno;
  }
}

// Room for "/proc/self/fd/N".
struct ProcPath {
  char text[32];
  explicit ProcPath(int fd);
};

}  // namespace brickd
