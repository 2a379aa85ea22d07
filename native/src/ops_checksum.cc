// Checksums of a range of a file, where it is read: neither the data nor the work passes through the event loop's thread.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "batch.h"

namespace brickd {

namespace {

// Read at a time: stays in the processor's cache, and is a multiple of every block size, for direct reads.
constexpr size_t kPiece = 64 * 1024;
constexpr size_t kAlignment = 4096;
constexpr size_t kLongestDigest = 64;

// What Node itself is linked with. It has no header of ours to come from: the addon is built with Node's headers alone.
struct Library {
  void* (*ctx_new)();
  void (*ctx_free)(void*);
  int (*init)(void*, const void*, void*);
  int (*update)(void*, const void*, size_t);
  int (*final)(void*, unsigned char*, unsigned int*);
  const void* (*sha256)();
  const void* (*md5)();
  unsigned long (*adler32)(unsigned long, const unsigned char*, unsigned int);

  Library() {
    find(ctx_new, "EVP_MD_CTX_new");
    find(ctx_free, "EVP_MD_CTX_free");
    find(init, "EVP_DigestInit_ex");
    find(update, "EVP_DigestUpdate");
    find(final, "EVP_DigestFinal_ex");
    find(sha256, "EVP_sha256");
    find(md5, "EVP_md5");
    find(adler32, "adler32");
  }
  bool complete() const { return ctx_new && ctx_free && init && update && final && sha256 && md5 && adler32; }

 private:
  template <typename F>
  static void find(F& function, const char* name) {
    function = reinterpret_cast<F>(::dlsym(RTLD_DEFAULT, name));
  }
};

struct Free {
  void operator()(void* p) const { ::free(p); }
};
thread_local std::unique_ptr<void, Free> piece;

bool all_zero(const unsigned char* p, size_t length) {
  return length == 0 || (p[0] == 0 && ::memcmp(p, p + 1, length - 1) == 0);
}

}  // namespace

// fd, offset, length, whether SHA-256 (else MD5), address of the answer. Result: bytes read, fewer where the file ends.
// The answer: u32 adler32 that begins at 0 (Gluster's weak checksum), u32 whether all bytes are zero, the digest.
int64_t op_checksum(Context& c, Record& r) {
  static const Library library;
  if (!library.complete()) return -ENOSYS;
  int fd = c.fd(r, 0);
  int64_t offset = r.integer(1);
  size_t left = r.size(2);
  if (offset < 0) return -EINVAL;
  if (!piece) piece.reset(::aligned_alloc(kAlignment, kPiece));
  auto* buffer = static_cast<unsigned char*>(piece.get());
  std::unique_ptr<void, void (*)(void*)> context(library.ctx_new(), library.ctx_free);
  if (!buffer || !context) return -ENOMEM;
  const void* kind = r.number(3) != 0 ? library.sha256() : library.md5();
  if (library.init(context.get(), kind, nullptr) != 1) return -EIO;
  unsigned long weak = 0;
  bool zero = true;
  int64_t done = 0;
  while (left > 0) {
    size_t want = std::min(left, kPiece);
    int64_t n = retry([&] { return ::pread64(fd, buffer, want, offset + done); });
    if (n < 0) return n;
    size_t length = static_cast<size_t>(n);
    weak = library.adler32(weak, buffer, static_cast<unsigned int>(length));
    if (library.update(context.get(), buffer, length) != 1) return -EIO;
    zero = zero && all_zero(buffer, length);
    done += n;
    left -= length;
    if (length < want) break;
  }
  unsigned char digest[kLongestDigest];
  unsigned int digest_length = 0;
  if (library.final(context.get(), digest, &digest_length) != 1) return -EIO;
  auto* answer = r.pointer<unsigned char>(4);
  uint32_t head[2] = {static_cast<uint32_t>(weak), zero};
  ::memcpy(answer, head, sizeof(head));
  ::memcpy(answer + sizeof(head), digest, digest_length);
  return done;
}

}  // namespace brickd
