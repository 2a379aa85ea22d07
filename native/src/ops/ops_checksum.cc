// CHECKSUM: reads a range of a file and computes its checksums on a thread of the pool, so that neither data nor work
// reaches the event loop.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "ops/batch.h"
#include "ops/direct_io.h"
#include "ops/op_results.h"

namespace brickd {

namespace {

// Read at a time: stays in the processor's cache, and is a multiple of every block size, for direct reads.
constexpr size_t kPiece = 64 * 1024;
constexpr size_t kAlignment = 4096;

// What Node itself is linked with. It has no header of ours to come from: the addon is built with Node's headers alone.
// The plain functions, not EVP: their state is a structure without pointers, so that it can lie in the caller's memory.
struct Digest {
  int (*init)(void*);
  int (*update)(void*, const void*, size_t);
  int (*final)(unsigned char*, void*);

  Digest(const char* init_name, const char* update_name, const char* final_name) {
    find(init, init_name);
    find(update, update_name);
    find(final, final_name);
  }
  bool complete() const { return init && update && final; }

  template <typename F>
  static void find(F& function, const char* name) {
    function = reinterpret_cast<F>(::dlsym(RTLD_DEFAULT, name));
  }
};

struct Library {
  const Digest sha256{"SHA256_Init", "SHA256_Update", "SHA256_Final"};
  const Digest md5{"MD5_Init", "MD5_Update", "MD5_Final"};
  unsigned long (*adler32)(unsigned long, const unsigned char*, unsigned int);

  Library() { Digest::find(adler32, "adler32"); }
  bool complete() const { return sha256.complete() && md5.complete() && adler32; }
};

struct Free {
  void operator()(void* p) const { ::free(p); }
};
thread_local std::unique_ptr<void, Free> piece;

bool all_zero(const unsigned char* p, size_t length) {
  return length == 0 || (p[0] == 0 && ::memcmp(p, p + 1, length - 1) == 0);
}

}  // namespace

// fd, offset, length, flags, address of the answer. Result: bytes read, fewer where the file ends. A range may be read
// by several calls, the first and the last of them marked as such. The answer: u32 adler32 that begins at 0 (Gluster's
// weak checksum), u32 whether all bytes are zero, the digest (after the last call), and the state in between.
int64_t op_checksum(Context& c, Record& r) {
  static const Library library;
  if (!library.complete()) return -ENOSYS;
  int fd = c.fd(r, 0);
  int64_t offset = r.integer(1);
  size_t left = r.size(2);
  uint32_t flags = r.bits(3);
  auto* answer = r.pointer<ChecksumAnswer>(4);
  if (offset < 0) return -EINVAL;
  if (answer == nullptr) return -EFAULT;
  if (!piece) piece.reset(::aligned_alloc(kAlignment, kPiece));
  auto* buffer = static_cast<unsigned char*>(piece.get());
  if (!buffer) return -ENOMEM;
  const Digest& digest = (flags & kSha256) != 0 ? library.sha256 : library.md5;
  if ((flags & kFirst) != 0) {
    ::memset(answer, 0, sizeof(*answer));
    answer->zero = 1;
    if (digest.init(answer->state) != 1) return -EIO;
  }
  int64_t done = 0;
  while (left > 0) {
    size_t want = std::min(left, kPiece);
    int64_t n = read_at(fd, buffer, want, offset + done);
    if (n < 0) return n;
    size_t length = static_cast<size_t>(n);
    answer->weak = static_cast<uint32_t>(library.adler32(answer->weak, buffer, static_cast<unsigned int>(length)));
    if (digest.update(answer->state, buffer, length) != 1) return -EIO;
    answer->zero = answer->zero != 0 && all_zero(buffer, length);
    done += n;
    left -= length;
    if (length < want) break;
  }
  if ((flags & kLast) != 0 && digest.final(answer->digest, answer->state) != 1) return -EIO;
  return done;
}

}  // namespace brickd
