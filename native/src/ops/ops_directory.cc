// READDIR: lists a directory from a given position, with attributes and xattrs of the entries if wanted.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "ops/batch.h"
#include "ops/op_results.h"
#include "ops/xattr_place.h"

namespace brickd {

namespace {

constexpr size_t kMaxDents = 64 * 1024;
// The largest entry that getdents64 can give, with some to spare: it must fit whatever is asked for.
constexpr size_t kOneDent = 512;

// An entry as the kernel writes it.
struct KernelEntry {
  uint64_t ino;
  int64_t off;
  unsigned short reclen;
  unsigned char type;
  char name[];
};

size_t aligned(size_t n) { return (n + 7) & ~size_t{7}; }

// Writes one entry. Returns its length; 0 when it doesn't fit.
size_t write_entry(Context& c, int fd, const KernelEntry& e, const EntryWants& wants, char* out, size_t room) {
  size_t name_length = strlen(e.name);
  EntryHead head{};
  size_t used = sizeof(head);
  if (aligned(used + name_length) > room) return 0;
  head.name_length = static_cast<uint16_t>(name_length);
  head.type = e.type;
  head.off = e.off;
  if (wants.with_stat != 0) {
    size_t run_at = used + kStatBytes + name_length;
    if (aligned(run_at) > room) return 0;
    if (stat_to(fd, e.name, out + used) == 0) {
      XattrPlace place(c, fd, e.name);
      int64_t run = place.error();
      if (run == 0) run = place.run(wants.patterns, wants.pattern_bytes, out + run_at, room - run_at);
      if (run == -ERANGE) return 0;
      // It may have vanished since, or its xattrs may be unreadable: then no more than its name is told.
      if (run >= 0) {
        head.has_stat = 1;
        used += kStatBytes;
        head.xattr_bytes = static_cast<uint32_t>(run);
      }
    }
  }
  memcpy(out + used, e.name, name_length);
  used += name_length + head.xattr_bytes;
  size_t length = aligned(used);
  if (length > room) return 0;
  memset(out + used, 0, length - used);
  head.record_length = static_cast<uint32_t>(length);
  memcpy(out, &head, sizeof(head));
  return length;
}

// What to ask the kernel for at once: not much more than will be taken, as the rest would be read again.
size_t dents_wanted(size_t room, uint32_t entries_left) {
  size_t wanted = std::min(room, static_cast<size_t>(entries_left) * 64);
  return std::clamp(wanted, kOneDent, kMaxDents);
}

}  // namespace

int64_t op_readdir(Context& c, Record& r) {
  int fd = c.fd(r, 0);
  if (fd < 0) return -EBADF;
  uint64_t position = static_cast<uint64_t>(r.bits(1)) << 32 | r.bits(2);
  char* out = r.pointer<char>(3);
  const EntryWants* wants = r.pointer<const EntryWants>(5);
  if (out == nullptr || wants == nullptr || r.integer(4) < 0) return -EFAULT;
  size_t room = r.size(4);
  uint32_t left = wants->max_entries == 0 ? UINT32_MAX : wants->max_entries;

  int64_t at = retry([&] { return ::lseek(fd, static_cast<off_t>(position), SEEK_SET); });
  if (at < 0) return at;
  thread_local std::unique_ptr<char[]> dents(new char[kMaxDents]);
  size_t used = 0;
  while (left > 0) {
    int64_t n = retry([&] { return ::syscall(SYS_getdents64, fd, dents.get(), dents_wanted(room - used, left)); });
    if (n < 0 && used == 0) return n;
    if (n <= 0) break;
    for (int64_t i = 0; i < n && left > 0; left--) {
      const KernelEntry& e = *reinterpret_cast<const KernelEntry*>(dents.get() + i);
      size_t length = write_entry(c, fd, e, *wants, out + used, room - used);
      if (length == 0) return used > 0 ? static_cast<int64_t>(used) : -EINVAL;
      used += length;
      i += e.reclen;
    }
  }
  return static_cast<int64_t>(used);
}

}  // namespace brickd
