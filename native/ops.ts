/**
 * The ops of a batch: one method per system call, which writes its record (native/slot.ts has a drawing) and returns
 * the op's index. An op's result is 0, a count or a descriptor, or -errno.
 *
 * A descriptor operand is a descriptor, or what an earlier op opens, by {@link reg}. Operands that are 64-bit integers are exact up
 * to 2^53; larger ones are refused by the callers above.
 */
import { addon } from './addon.js';
import { assert } from './assert.js';
import { CHECKSUM, ENTRY_WANTS, type FdRef, FLAGS_SHIFT, MAX_OPS, RECORD_DOUBLES, RESULT_AT } from './layout.js';
import { Slot } from './slot.js';

/** Descriptors that a batch leaves open are noted as this environment's. */
const ENVIRONMENT = addon.environment;

function code(name: string): number {
  const found = addon.ops[name];
  assert(found !== undefined, 'the addon has every op');
  return found;
}

const OP = {
  OPEN: code('OPEN'),
  OPENREG: code('OPENREG'),
  CLOSE: code('CLOSE'),
  STATX: code('STATX'),
  GETXATTR: code('GETXATTR'),
  SETXATTR: code('SETXATTR'),
  REMOVEXATTR: code('REMOVEXATTR'),
  LISTXATTR: code('LISTXATTR'),
  XATTRS: code('XATTRS'),
  PREAD: code('PREAD'),
  SPLICE: code('SPLICE'),
  CHECKSUM: code('CHECKSUM'),
  PWRITE: code('PWRITE'),
  LINK: code('LINK'),
  UNLINK: code('UNLINK'),
  RENAME: code('RENAME'),
  MKDIR: code('MKDIR'),
  MKNOD: code('MKNOD'),
  SYMLINK: code('SYMLINK'),
  READLINK: code('READLINK'),
  CHOWN: code('CHOWN'),
  CHMOD: code('CHMOD'),
  UTIMENS: code('UTIMENS'),
  FTRUNCATE: code('FTRUNCATE'),
  FALLOCATE: code('FALLOCATE'),
  LSEEK: code('LSEEK'),
  COPYRANGE: code('COPYRANGE'),
  FSYNC: code('FSYNC'),
  FDATASYNC: code('FDATASYNC'),
  SYNCFS: code('SYNCFS'),
  SYNCERRORS: code('SYNCERRORS'),
  EXPECT: code('EXPECT'),
  STATVFS: code('STATVFS'),
  FSTYPE: code('FSTYPE'),
  RETIRE: code('RETIRE'),
  READDIR: code('READDIR'),
} as const;

export abstract class Ops extends Slot {
  #count = 0;

  /** Number of ops written so far. */
  get length(): number {
    return this.#count;
  }

  protected override clear(): void {
    super.clear();
    this.#count = 0;
  }

  /** Marks the end of the program: the executor stops at a record whose code is 0. */
  protected end(): void {
    this.f64[this.#count * RECORD_DOUBLES] = 0;
  }

  /** Whether the program may be written to: its owner has it, and it is not being run. */
  protected abstract get writable(): boolean;

  protected op(code: number, flags: number, a: number, b = 0, c = 0, d = 0, e = 0, f = 0): number {
    const index = this.#count;
    assert(this.writable, 'ops are added to a batch that is neither released nor being run');
    assert(index < MAX_OPS, 'a batch has room for its ops');
    const at = index * RECORD_DOUBLES;
    const m = this.f64;
    m[at] = code | (flags << FLAGS_SHIFT);
    m[at + 1] = a;
    m[at + 2] = b;
    m[at + 3] = c;
    m[at + 4] = d;
    m[at + 5] = e;
    m[at + 6] = f;
    m[at + RESULT_AT] = 0;
    this.#count = index + 1;
    return index;
  }

  /** openat2(2). `resolve`: RESOLVE_*. Result: descriptor. O_CLOEXEC is added. */
  open(dir: FdRef, name: string, openFlags: number, mode = 0, resolve = 0, flags = 0): number {
    return this.op(OP.OPEN, flags, dir, this.text(name), openFlags, mode, resolve, ENVIRONMENT);
  }
  /**
   * Opens the data of a regular file, and of nothing else: EISDIR, ELOOP, ENXIO (socket) or EINVAL (FIFO, device) otherwise.
   * The final component is never followed; O_DIRECTORY does not count. `known`: the name was a regular file when last looked at. Should it be something
   * else by now, it is opened without waiting, and closed; a name of unknown type is looked at before it is opened.
   */
  openRegular(dir: FdRef, name: string, openFlags: number, known: boolean, resolve = 0, flags = 0): number {
    return this.op(OP.OPENREG, flags, dir, this.text(name), openFlags, known ? 1 : 0, resolve, ENVIRONMENT);
  }
  close(fd: FdRef, flags = 0): number {
    return this.op(OP.CLOSE, flags, fd);
  }
  /** statx(2), AT_SYMLINK_NOFOLLOW, AT_STATX_DONT_SYNC. `out`: index from {@link statOut}. */
  statx(dir: FdRef, name: string | null, out: number, flags = 0): number {
    return this.op(OP.STATX, flags, dir, name === null ? 0 : this.text(name), this.address + out * 8);
  }
  /** Value into `length` bytes at `address`; result is its length. With a null name a descriptor opened with O_PATH costs a detour. */
  getxattr(dir: FdRef, name: string | null, key: string, address: number, length: number, flags = 0): number {
    return this.op(OP.GETXATTR, flags, dir, name === null ? 0 : this.text(name), this.text(key), address, length);
  }
  /** xattrFlags: XATTR_CREATE or 0. The value is copied. */
  setxattr(dir: FdRef, name: string | null, key: string, value: Uint8Array, xattrFlags = 0, flags = 0): number {
    const at = this.blob(value);
    return this.op(
      OP.SETXATTR,
      flags,
      dir,
      name === null ? 0 : this.text(name),
      this.text(key),
      at,
      value.length,
      xattrFlags,
    );
  }
  removexattr(dir: FdRef, name: string | null, key: string, flags = 0): number {
    return this.op(OP.REMOVEXATTR, flags, dir, name === null ? 0 : this.text(name), this.text(key));
  }
  /** Names, each NUL-terminated, into `address`; result is their total length (length 0 asks for the size). */
  listxattr(dir: FdRef, name: string | null, address: number, length: number, flags = 0): number {
    return this.op(OP.LISTXATTR, flags, dir, name === null ? 0 : this.text(name), address, length);
  }
  /**
   * Every xattr whose name matches one of `patterns` (fnmatch, flags 0; NUL-separated list, '' for all), as a run of
   * {@link XATTR_HEAD} (u32 lengths, little-endian), key and value, unpadded, at `address`. Result: bytes written;
   * -ERANGE when they don't fit. A file without xattr support gives 0.
   */
  xattrs(dir: FdRef, name: string | null, patterns: string, address: number, length: number, flags = 0): number {
    const at = this.text(patterns);
    return this.op(OP.XATTRS, flags, dir, name === null ? 0 : this.text(name), at, patterns.length, address, length);
  }
  /** preadv2(2); rwf: RWF_*. */
  pread(fd: FdRef, address: number, length: number, offset: number, rwf = 0, flags = 0): number {
    return this.op(OP.PREAD, flags, fd, address, length, offset, rwf);
  }
  /** Moves pages of a file into a pipe, without a copy. Result: bytes, fewer at the end of the file or when the pipe is full. */
  splice(fd: FdRef, offset: number, length: number, pipe: number, flags = 0): number {
    return this.op(OP.SPLICE, flags, fd, offset, length, pipe);
  }

  /**
   * Checksums of what is read from `fd` (SHA-256, or MD5) at `address`, where there is room for {@link CHECKSUM}: u32 adler32 that
   * begins at 0, u32 whether all is zero, digest. A long range is read by several batches: `first` and `last` mark its ends.
   * Result: bytes read, fewer where the file ends.
   */
  checksum(
    fd: FdRef,
    offset: number,
    length: number,
    part: { sha256: boolean; first: boolean; last: boolean },
    address: number,
    flags = 0,
  ): number {
    const bits =
      (part.sha256 ? CHECKSUM.sha256 : 0) | (part.first ? CHECKSUM.first : 0) | (part.last ? CHECKSUM.last : 0);
    return this.op(OP.CHECKSUM, flags, fd, offset, length, bits, address);
  }
  /** pwritev2(2), repeated until all is written or an error comes; a short write before an error gives its length. */
  pwrite(fd: FdRef, address: number, length: number, offset: number, rwf = 0, flags = 0): number {
    return this.op(OP.PWRITE, flags, fd, address, length, offset, rwf);
  }
  link(oldDir: FdRef, oldName: string, newDir: FdRef, newName: string, flags = 0): number {
    return this.op(OP.LINK, flags, oldDir, this.text(oldName), newDir, this.text(newName));
  }
  /** Links the open file `fd` (needs CAP_DAC_READ_SEARCH: AT_EMPTY_PATH) under a name. */
  linkFd(fd: FdRef, newDir: FdRef, newName: string, flags = 0): number {
    return this.op(OP.LINK, flags, fd, 0, newDir, this.text(newName));
  }
  /** atFlags: AT_REMOVEDIR or 0. */
  unlink(dir: FdRef, name: string, atFlags = 0, flags = 0): number {
    return this.op(OP.UNLINK, flags, dir, this.text(name), atFlags);
  }
  /** renameFlags: RENAME_*. */
  rename(oldDir: FdRef, oldName: string, newDir: FdRef, newName: string, renameFlags = 0, flags = 0): number {
    return this.op(OP.RENAME, flags, oldDir, this.text(oldName), newDir, this.text(newName), renameFlags);
  }
  mkdir(dir: FdRef, name: string, mode: number, flags = 0): number {
    return this.op(OP.MKDIR, flags, dir, this.text(name), mode);
  }
  /** rdev as a stat result gives it (Linux encoding). */
  mknod(dir: FdRef, name: string, mode: number, rdev: number, flags = 0): number {
    return this.op(OP.MKNOD, flags, dir, this.text(name), mode, rdev);
  }
  symlink(target: string, dir: FdRef, name: string, flags = 0): number {
    return this.op(OP.SYMLINK, flags, this.text(target), dir, this.text(name));
  }
  readlink(dir: FdRef, name: string, address: number, length: number, flags = 0): number {
    return this.op(OP.READLINK, flags, dir, this.text(name), address, length);
  }
  /** Owner without following symlinks; -1 leaves a side alone. */
  chown(dir: FdRef, name: string | null, uid: number, gid: number, flags = 0): number {
    return this.op(OP.CHOWN, flags, dir, name === null ? 0 : this.text(name), uid, gid);
  }
  /** chmod without following symlinks (fchmodat2 or by /proc/self/fd); a symlink gives -EOPNOTSUPP. */
  chmod(dir: FdRef, name: string | null, mode: number, flags = 0): number {
    return this.op(OP.CHMOD, flags, dir, name === null ? 0 : this.text(name), mode);
  }
  /** utimensat(2), no follow; nsec may be UTIME_OMIT. */
  utimens(
    dir: FdRef,
    name: string | null,
    atime: number,
    atimeNsec: number,
    mtime: number,
    mtimeNsec: number,
    flags = 0,
  ): number {
    return this.op(OP.UTIMENS, flags, dir, name === null ? 0 : this.text(name), atime, atimeNsec, mtime, mtimeNsec);
  }
  truncate(fd: FdRef, length: number, flags = 0): number {
    return this.op(OP.FTRUNCATE, flags, fd, length);
  }
  fallocate(fd: FdRef, mode: number, offset: number, length: number, flags = 0): number {
    return this.op(OP.FALLOCATE, flags, fd, mode, offset, length);
  }
  lseek(fd: FdRef, offset: number, whence: number, flags = 0): number {
    return this.op(OP.LSEEK, flags, fd, offset, whence);
  }
  /**
   * copy_file_range(2), repeated until all is copied, the source ends or an error comes. Result: bytes copied; a short copy before
   * an error gives its length.
   */
  copyFileRange(fdIn: FdRef, offsetIn: number, fdOut: FdRef, offsetOut: number, length: number, flags = 0): number {
    return this.op(OP.COPYRANGE, flags, fdIn, offsetIn, fdOut, offsetOut, length);
  }
  fsync(fd: FdRef, flags = 0): number {
    return this.op(OP.FSYNC, flags, fd);
  }
  fdatasync(fd: FdRef, flags = 0): number {
    return this.op(OP.FDATASYNC, flags, fd);
  }
  syncfs(fd: FdRef, flags = 0): number {
    return this.op(OP.SYNCFS, flags, fd);
  }
  /** Fails with the write error of the file that the kernel has not yet told this descriptor of. After a syncfs, which reports none. */
  syncErrors(fd: FdRef, flags = 0): number {
    return this.op(OP.SYNCERRORS, flags, fd);
  }
  /**
   * Fails with ESTALE unless the name stands for the file with that inode number (in halves), or for none when both are 0. In a lane of
   * its directory, no batch comes between this op and the next.
   */
  expect(dir: FdRef, name: string, inoHigh: number, inoLow: number, flags = 0): number {
    return this.op(OP.EXPECT, flags, dir, this.text(name), inoHigh, inoLow);
  }
  /** fstatvfs(2); `out`: index in {@link f64} of a result of STATVFS_DOUBLES. */
  statvfs(fd: FdRef, out: number, flags = 0): number {
    return this.op(OP.STATVFS, flags, fd, this.address + out * 8);
  }
  /** Result: the magic number of the file system that `fd` is on (statfs's f_type). */
  fstype(fd: FdRef, flags = 0): number {
    return this.op(OP.FSTYPE, flags, fd);
  }
  /**
   * Releases what `fd` stands for, but keeps its number taken, until it is closed, by something that every op fails on:
   * for a descriptor that ops in progress still name.
   */
  retire(fd: FdRef, flags = 0): number {
    return this.op(OP.RETIRE, flags, fd);
  }
  /**
   * Entries of a directory from a position on, into `length` bytes at `address`, each 8-aligned: its head ({@link ENTRY}: lengths,
   * dType, whether a stat follows, dOff after the entry), a stat result, name bytes, xattr run as {@link xattrs} writes it.
   * `dOff` high and low are the position to start from, as getdents64 gave it (0: the start). With `withStat`, each entry
   * is stat'ed and its xattrs matching `patterns` are read; one that vanished meanwhile has hasStat 0.
   * Stops when the buffer is full or `maxEntries` (0: no bound) are read; `.` and `..` are among them. Result: bytes
   * written; 0 means end of the directory; -EINVAL when not even one entry fits.
   * The descriptor's own position moves: one reader at a time (the callers hold the fd's lane).
   */
  readdir(
    fd: FdRef,
    offsetHigh: number,
    offsetLow: number,
    address: number,
    length: number,
    patterns: number,
    flags = 0,
  ): number {
    return this.op(OP.READDIR, flags, fd, offsetHigh, offsetLow, address, length, patterns);
  }
  /**
   * Packs what {@link readdir} wants as its last operand; returns its address.
   */
  readdirWants(withStat: boolean, maxEntries: number, patterns: string): number {
    const b = Buffer.alloc(ENTRY_WANTS.patternsAt + patterns.length + 1);
    b.writeUInt32LE(withStat ? 1 : 0, ENTRY_WANTS.withStatAt);
    b.writeUInt32LE(maxEntries, ENTRY_WANTS.maxEntriesAt);
    b.writeUInt32LE(patterns.length, ENTRY_WANTS.patternBytesAt);
    b.latin1Write(patterns, ENTRY_WANTS.patternsAt);
    return this.blob(b);
  }
}
