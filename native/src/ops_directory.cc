// READDIR: entries of a directory from a position on, with attributes and xattrs if wanted, in one pass.
#include "batch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "stat_out.h"
#include "xattr_run.h"

namespace brickd {

namespace {

constexpr size_t kDentsBytes = 64 * 1024;

struct KernelEntry {
  uint64_t ino;
  int64_t off;
  unsigned short reclen;
  unsigned char type;
  char name[];
};

// What an entry looks like in the output; the stat (if there is one), the name and the xattr run follow.
struct EntryHead {
  uint32_t record_length;
  uint16_t name_length;
  uint8_t type;
  uint8_t has_stat;
  int64_t off;
  uint32_t xattr_bytes;
  uint32_t pad;
};
static_assert(sizeof(EntryHead) == 24, "layout of native/batch.ts");
constexpr size_t kStatBytes = 8 * kStatDoubles;

struct Wants {
  uint32_t with_stat;
  uint32_t max_entries;
  uint32_t pattern_bytes;
  char patterns[];
};

size_t aligned(size_t n) { return (n + 7) & ~size_t{7}; }

// Writes one entry. Returns its length, 0 when it doesn't fit, or -errno.
int64_t write_entry(Context& c, int fd, const KernelEntry& e, const Wants& wants, char* out, size_t room) {
  size_t name_length = strlen(e.name);
  if (aligned(sizeof(EntryHead) + kStatBytes + name_length) > room) return 0;
  EntryHead head{};
  head.name_length = static_cast<uint16_t>(name_length);
  head.type = e.type;
  head.off = e.off;
  size_t used = sizeof(EntryHead);
  if (wants.with_stat != 0) {
    struct statx s;
    int n = ::statx(fd, e.name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_BTIME, &s);
    if (n == 0) {
      int error = c.cwd.enter(fd);
      if (error != 0) return error;
      size_t run_at = used + kStatBytes + name_length;
      int64_t run = write_xattr_run(fd, e.name, wants.patterns, wants.pattern_bytes, out + run_at, room - run_at);
      if (run == -ERANGE) return 0;
      if (run >= 0) {  // else it vanished just now
        head.has_stat = 1;
        head.xattr_bytes = static_cast<uint32_t>(run);
        write_stat(s, reinterpret_cast<double*>(out + used));
        used += kStatBytes;
      }
    }
  }
  memcpy(out + used, e.name, name_length);
  used += name_length + head.xattr_bytes;
  if (aligned(used) > room) return 0;
  head.record_length = static_cast<uint32_t>(aligned(used));
  memcpy(out, &head, sizeof(head));
  return head.record_length;
}

}  // namespace

int64_t op_readdir(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  if (fd < 0) return -EBADF;
  uint64_t high = static_cast<uint32_t>(r.integer(1));
  uint64_t low = static_cast<uint32_t>(r.integer(2));
  char* out = r.pointer<char>(3);
  size_t room = static_cast<size_t>(r.integer(4));
  const Wants& wants = *r.pointer<const Wants>(5);

  int64_t at = retry([&] { return ::lseek(fd, static_cast<off_t>(high << 32 | low), SEEK_SET); });
  if (at < 0) return at;
  thread_local std::unique_ptr<char[]> dents(new char[kDentsBytes]);
  size_t used = 0;
  uint32_t entries = 0;
  for (;;) {
    int64_t n = retry([&] { return ::syscall(SYS_getdents64, fd, dents.get(), kDentsBytes); });
    if (n < 0) return used > 0 ? static_cast<int64_t>(used) : n;
    if (n == 0) return static_cast<int64_t>(used);
    for (int64_t i = 0; i < n;) {
      const KernelEntry& e = *reinterpret_cast<const KernelEntry*>(dents.get() + i);
      if (entries == wants.max_entries) return static_cast<int64_t>(used);
      int64_t length = write_entry(c, fd, e, wants, out + used, room - used);
      if (length < 0) return length;
      if (length == 0) return used > 0 ? static_cast<int64_t>(used) : -EINVAL;
      used += static_cast<size_t>(length);
      entries++;
      i += e.reclen;
    }
  }
}

}  // namespace brickd
