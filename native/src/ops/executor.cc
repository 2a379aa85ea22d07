// Runs a batch: its records in order, by the rules for failures that native/batch.ts describes.
#include <fcntl.h>

#include <cstdio>

#include "ops/batch.h"
#include "pool/umask.h"

namespace brickd {

namespace {

using Op = int64_t (*)(Context&, Record&);

// clang-format off
const Op kOps[] = {
    nullptr,
#define X(name, function, heavy, op_class) function,
    BRICKD_OPS(X)
#undef X
};

const bool kHeavy[] = {
    false,
#define X(name, function, heavy, op_class) heavy,
    BRICKD_OPS(X)
#undef X
};

const OpClass kClasses[] = {
    kReads,
#define X(name, function, heavy, op_class) op_class,
    BRICKD_OPS(X)
#undef X
};
// clang-format on

OpClass class_of(const Record& r, int code) {
  if (code >= kOpCodes) return kReads;
  // One that may make or empty the file.
  if ((code == kOPEN || code == kOPENREG) && (r.bits(2) & (O_CREAT | O_TRUNC)) != 0) return kChanges;
  return kClasses[code];
}

}  // namespace

int Context::fd(const Record& r, int i) const {
  int64_t v = r.integer(i);
  if (v >= 0) return v <= INT32_MAX ? static_cast<int>(v) : -1;
  int64_t from = static_cast<int64_t>(kRegister) - v;
  if (from < 0 || from >= index) return -1;
  int op = records[from].op();
  if (op != kOPEN && op != kOPENREG) return -1;
  double result = records[from].result;
  return result >= 0 ? static_cast<int>(result) : -1;
}

int Context::directory(const Record& r, int i) const { return r.integer(i) == AT_FDCWD ? AT_FDCWD : fd(r, i); }

ProcPath::ProcPath(int fd) { snprintf(text, sizeof(text), "/proc/self/fd/%d", fd); }

int run_batch(Record* records, const std::atomic<bool>* ended, Progress* progress) {
  apply_umask();
  Context c{records};
  int failure = 0;
  for (int i = 0; i < kMaxRecords; i++) {
    Record& r = records[i];
    int code = r.op();
    if (code == kEnd) break;
    int flags = r.flags();
    if (failure == 0 && ended != nullptr && ended->load(std::memory_order_relaxed)) failure = -ECANCELED;
    bool runs = (flags & kAlways) != 0 || (failure != 0) == ((flags & kCleanup) != 0);
    if (!runs) {
      r.result = -ECANCELED;
      continue;
    }
    c.index = i;
    OpClass op_class = progress != nullptr ? class_of(r, code) : kReads;
    if (progress != nullptr) {
      progress->now.store(op_class, std::memory_order_relaxed);
      progress->index.store(i, std::memory_order_relaxed);
    }
    int64_t n = code < kOpCodes ? kOps[code](c, r) : -ENOSYS;
    r.result = static_cast<double>(n);
    if (progress != nullptr) progress->done |= 1u << op_class;
    if (n < 0 && failure == 0 && (flags & (kIgnore | kCleanup | kAlways)) == 0) failure = static_cast<int>(n);
  }
  c.cwd.leave();
  return failure;
}

bool is_heavy(const Record* records) {
  for (int i = 0; i < kMaxRecords && records[i].op() != kEnd; i++) {
    int code = records[i].op();
    if (code >= kOpCodes || kHeavy[code]) return true;
  }
  return false;
}

void cancel_batch(Record* records) {
  for (int i = 0; i < kMaxRecords && records[i].op() != kEnd; i++) records[i].result = -ECANCELED;
}

}  // namespace brickd
