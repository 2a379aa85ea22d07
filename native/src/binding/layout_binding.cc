// Exports the layouts and numbers that native code and JavaScript share, so that they are written only here.
// native/layout.ts reads them.
#include <cstddef>

#include "binding/exports.h"
#include "net/event_loop.h"
#include "ops/batch.h"
#include "ops/op_results.h"
#include "pool/queue.h"

namespace brickd {

namespace {

class Part {
 public:
  Part(Napi::Env env, Napi::Object layout, const char* name) : part_(Napi::Object::New(env)) {
    layout.Set(name, part_);
  }

  Part& set(const char* name, double value) {
    part_.Set(name, value);
    return *this;
  }

 private:
  Napi::Object part_;
};

}  // namespace

void export_layout(Napi::Env env, Napi::Object exports) {
  Napi::Object layout = Napi::Object::New(env);
  Part(env, layout, "record")
      .set("bytes", sizeof(Record))
      .set("codeAt", offsetof(Record, code) / sizeof(double))
      .set("operandsAt", offsetof(Record, operand) / sizeof(double))
      .set("operands", kOperands)
      .set("resultAt", offsetof(Record, result) / sizeof(double))
      .set("flagsShift", kFlagsShift)
      .set("end", kEnd);
  Part(env, layout, "batch")
      .set("maxRecords", kMaxRecords)
      .set("ignore", kIgnore)
      .set("cleanup", kCleanup)
      .set("always", kAlways)
      .set("register", kRegister)
      .set("slowMark", kSlowMark);
  Part(env, layout, "batchTime")
      .set("submitted", kSubmitted)
      .set("started", kStarted)
      .set("ended", kEnded)
      .set("longestOp", kLongestOp)
      .set("longestMs", kLongestMs);
  Part stat(env, layout, "stat");
  Part statvfs(env, layout, "statvfs");
  int slot = 0;
#define X(name, value) stat.set(#name, slot++);
  BRICKD_STAT(X)
#undef X
  slot = 0;
#define X(name, value) statvfs.set(#name, slot++);
  BRICKD_STATVFS(X)
#undef X
  Part(env, layout, "entry")
      .set("bytes", sizeof(EntryHead))
      .set("lengthAt", offsetof(EntryHead, record_length))
      .set("nameLengthAt", offsetof(EntryHead, name_length))
      .set("typeAt", offsetof(EntryHead, type))
      .set("hasStatAt", offsetof(EntryHead, has_stat))
      .set("offsetAt", offsetof(EntryHead, off))
      .set("xattrBytesAt", offsetof(EntryHead, xattr_bytes));
  Part(env, layout, "xattrHead")
      .set("bytes", sizeof(XattrHead))
      .set("keyBytesAt", offsetof(XattrHead, key_bytes))
      .set("valueBytesAt", offsetof(XattrHead, value_bytes));
  Part(env, layout, "entryWants")
      .set("withStatAt", offsetof(EntryWants, with_stat))
      .set("maxEntriesAt", offsetof(EntryWants, max_entries))
      .set("patternBytesAt", offsetof(EntryWants, pattern_bytes))
      .set("patternsAt", offsetof(EntryWants, patterns));
  Part(env, layout, "checksum")
      .set("bytes", sizeof(ChecksumAnswer))
      .set("weakAt", offsetof(ChecksumAnswer, weak))
      .set("zeroAt", offsetof(ChecksumAnswer, zero))
      .set("digestAt", offsetof(ChecksumAnswer, digest))
      .set("digestBytes", sizeof(ChecksumAnswer::digest))
      .set("sha256", kSha256)
      .set("first", kFirst)
      .set("last", kLast);
  Part priority(env, layout, "priority");
  slot = 0;
#define X(name) priority.set(#name, slot++);
  BRICKD_PRIORITIES(X)
#undef X
  Part(env, layout, "queueFlag")
      .set("late", kLateFlag)
      .set("hangs", kHangsFlag)
      .set("oldest", kOldestFlag)
      .set("count", kQueueFlags);
  Part(env, layout, "opClass").set("reads", kReads).set("changes", kChanges).set("syncs", kSyncs);
  Part(env, layout, "readiness").set("readable", kReadable).set("writable", kWritable).set("hungUp", kHungUp);
  exports.Set("layout", layout);
}

}  // namespace brickd
