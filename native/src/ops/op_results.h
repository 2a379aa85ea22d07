// Layouts of the results that ops write to memory. JavaScript reads these layouts when it loads the addon
// (layout_binding.cc).
#pragma once

#include <cstddef>
#include <cstdint>

namespace brickd {

// A stat result: one double each of these, in this order. value: of a struct statx `s`.
#define BRICKD_STAT(X)                                 \
  X(dev, makedev(s.stx_dev_major, s.stx_dev_minor))    \
  X(inoHigh, s.stx_ino >> 32)                          \
  X(inoLow, s.stx_ino & 0xffffffffu)                   \
  X(mode, s.stx_mode)                                  \
  X(nlink, s.stx_nlink)                                \
  X(uid, s.stx_uid)                                    \
  X(gid, s.stx_gid)                                    \
  X(rdev, makedev(s.stx_rdev_major, s.stx_rdev_minor)) \
  X(size, s.stx_size)                                  \
  X(blksize, s.stx_blksize)                            \
  X(blocks, s.stx_blocks)                              \
  X(atime, s.stx_atime.tv_sec)                         \
  X(atimeNsec, s.stx_atime.tv_nsec)                    \
  X(mtime, s.stx_mtime.tv_sec)                         \
  X(mtimeNsec, s.stx_mtime.tv_nsec)                    \
  X(ctime, s.stx_ctime.tv_sec)                         \
  X(ctimeNsec, s.stx_ctime.tv_nsec)                    \
  X(btime, s.stx_btime.tv_sec)                         \
  X(btimeNsec, s.stx_btime.tv_nsec)

// A statvfs result: likewise, of a struct statvfs `s`.
#define BRICKD_STATVFS(X) \
  X(bsize, s.f_bsize)     \
  X(frsize, s.f_frsize)   \
  X(blocks, s.f_blocks)   \
  X(bfree, s.f_bfree)     \
  X(bavail, s.f_bavail)   \
  X(files, s.f_files)     \
  X(ffree, s.f_ffree)     \
  X(favail, s.f_favail)   \
  X(fsid, s.f_fsid)       \
  X(flag, s.f_flag)       \
  X(namemax, s.f_namemax)

#define X(name, value) +1
constexpr int kStatDoubles = 0 BRICKD_STAT(X);
constexpr int kStatvfsDoubles = 0 BRICKD_STATVFS(X);
#undef X
constexpr size_t kStatBytes = 8 * kStatDoubles;

// statx(2) of `name` below `dir`, or of `dir` itself when name is null, as kStatBytes bytes at `out`. Returns 0 or
// -errno.
long stat_to(int dir, const char* name, void* out);

// How each xattr of a run begins, as XATTRS and READDIR write it; key and value follow, unpadded.
struct XattrHead {
  uint32_t key_bytes;
  uint32_t value_bytes;
};

// How an entry of READDIR begins; the stat (if there is one), the name and the xattr run follow.
struct EntryHead {
  uint32_t record_length;
  uint16_t name_length;
  uint8_t type;
  uint8_t has_stat;
  int64_t off;
  uint32_t xattr_bytes;
  uint32_t pad;
};

static_assert(sizeof(EntryHead) % sizeof(double) == 0, "a stat result follows");

// What READDIR is to read, at the address of its last operand.
struct EntryWants {
  uint32_t with_stat;
  uint32_t max_entries;
  uint32_t pattern_bytes;
  char patterns[];
};

// Of a digest between two calls: larger than OpenSSL's SHA256_CTX (112 bytes) and MD5_CTX (92).
constexpr size_t kDigestStateBytes = 256;

// What CHECKSUM answers.
struct ChecksumAnswer {
  uint32_t weak;
  uint32_t zero;
  unsigned char digest[32];
  alignas(16) unsigned char state[kDigestStateBytes];
};

// Flags of CHECKSUM.
constexpr uint32_t kSha256 = 1;
constexpr uint32_t kFirst = 2;
constexpr uint32_t kLast = 4;

}  // namespace brickd
