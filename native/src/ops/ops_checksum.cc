// CHECKSUM: reads a range of a file and computes its checksums on a thread of the pool, so that neither data nor work
// reaches the event loop.

// OpenSSL 3 would rather have its generic functions used.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <unistd.h>
#include <zlib.h>

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

// The functions of a digest; the plain ones, not EVP: their state is a structure without pointers, so that it can lie
// in the caller's memory.
struct Digest {
  int (*init)(void*);
  int (*update)(void*, const void*, size_t);
  int (*final)(unsigned char*, void*);
};

static_assert(sizeof(SHA256_CTX) <= kDigestStateBytes && sizeof(MD5_CTX) <= kDigestStateBytes);

const Digest kSha256Digest = {
    [](void* state) { return SHA256_Init(static_cast<SHA256_CTX*>(state)); },
    [](void* state, const void* data, size_t length) {
      return SHA256_Update(static_cast<SHA256_CTX*>(state), data, length);
    },
    [](unsigned char* to, void* state) { return SHA256_Final(to, static_cast<SHA256_CTX*>(state)); },
};
const Digest kMd5Digest = {
    [](void* state) { return MD5_Init(static_cast<MD5_CTX*>(state)); },
    [](void* state, const void* data, size_t length) { return MD5_Update(static_cast<MD5_CTX*>(state), data, length); },
    [](unsigned char* to, void* state) { return MD5_Final(to, static_cast<MD5_CTX*>(state)); },
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
  const Digest& digest = (flags & kSha256) != 0 ? kSha256Digest : kMd5Digest;
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
    answer->weak = static_cast<uint32_t>(::adler32(answer->weak, buffer, static_cast<unsigned int>(length)));
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
