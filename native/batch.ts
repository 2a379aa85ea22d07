/**
 * A batch: a short program of system calls that runs in one crossing to native code, on the calling thread
 * ({@link Batch.run}) or on the pool of blocking calls ({@link Queue.submit}).
 *
 * Memory of a batch is one slot of a slab: records of 8 doubles per op, then an arena for names and small results.
 *
 *   record: [code | flags << 8, a, b, c, d, e, f, result]
 *
 * The executor runs the records in order. An op that fails (result = -errno) puts the batch in the failed state, unless it
 * is marked IGNORE; from then on ops are skipped (result = -ECANCELED), except those marked CLEANUP (run only in the failed
 * state) and ALWAYS (run in both), whose own failures don't count. A descriptor operand is a descriptor, or the result of an earlier op by {@link reg}.
 * Operands that are 64-bit integers are exact up to 2^53; larger ones are refused by the callers above.
 */
import { addon } from './addon.js';
import { ECANCELED } from './errno.js';

const OPS = addon.ops;
/** Descriptors that a batch leaves open are noted as this environment's. */
const ENVIRONMENT = addon.environment;
const RECORD = 8;
const SLOT_BYTES = 4096;
/** Records of a slot; the last one marks the end of the program. */
export const MAX_OPS = 28;
const ARENA_START = MAX_OPS * RECORD * 8;
const SLOTS_PER_SLAB = 64;

/** A failing op does not fail the batch. */
export const IGNORE = 1;
/** Runs only when the batch has failed (undo what was done). */
export const CLEANUP = 2;
/** Runs whether or not the batch has failed (close). */
export const ALWAYS = 4;

/** The descriptor that op number `index` (an open) of the same batch has opened; -EBADF for the op that uses it if it has not. */
export const reg = (index: number): number => -1000 - index;

/**
 * A descriptor, or a {@link reg}. Ops on (dir, name) work on a file by name below a directory, or, with name null, on the open
 * file `dir` itself; dir may be AT_FDCWD (-100) for absolute names. Names are byte strings (latin1).
 */
export type FdRef = number;

/** Doubles of a stat result, in this order. */
export const STAT = {
  dev: 0,
  inoHigh: 1,
  inoLow: 2,
  mode: 3,
  nlink: 4,
  uid: 5,
  gid: 6,
  rdev: 7,
  size: 8,
  blksize: 9,
  blocks: 10,
  atime: 11,
  atimeNsec: 12,
  mtime: 13,
  mtimeNsec: 14,
  ctime: 15,
  ctimeNsec: 16,
  btime: 17,
  btimeNsec: 18,
} as const;
export const STAT_DOUBLES = 19;

/** Room for what a checksum op answers, its state between two batches included. */
export const CHECKSUM_BYTES = 512;

/** Doubles of a statvfs result: bsize frsize blocks bfree bavail files ffree favail fsid flag namemax. */
export const STATVFS_DOUBLES = 11;

export enum Priority {
  high = 0,
  normal = 1,
  low = 2,
  least = 3,
}

class Slab {
  readonly memory = new ArrayBuffer(SLOT_BYTES * SLOTS_PER_SLAB);
  readonly address = addon.addressOf(this.memory);
}

const free: Batch[] = [];

function grow(): void {
  const slab = new Slab();
  for (let i = 0; i < SLOTS_PER_SLAB; i++) free.push(new Batch(slab, i));
}

/** Takes a batch from the free list; give it back with {@link Batch.release} when its results have been read. */
export function batch(): Batch {
  if (free.length === 0) grow();
  const b = free.pop()!;
  b.reset();
  return b;
}

/** What native code adds to the result of a run that has kept this thread waiting for 40 ms or more. */
const SLOW_MARK = 65536;
/** Runs on this thread that took so long. */
export let slowRuns = 0;

export class Batch {
  /** Address of the slot; also what native code is given. */
  readonly address: number;
  /** The slot as doubles: records, then the arena. */
  readonly f64: Float64Array;
  readonly bytes: Buffer;
  /** Called on the owning thread when a submitted batch has finished. */
  onDone: ((b: Batch) => void) | null = null;
  #count = 0;
  #arena = ARENA_START;
  /** Buffers outside the slot that the batch points at: kept alive until release. */
  #keep: ArrayBufferLike[] | null = null;

  constructor(slab: Slab, index: number) {
    const at = index * SLOT_BYTES;
    this.address = slab.address + at;
    this.f64 = new Float64Array(slab.memory, at, SLOT_BYTES / 8);
    this.bytes = Buffer.from(slab.memory, at, SLOT_BYTES);
  }

  reset(): void {
    this.#count = 0;
    this.#arena = ARENA_START;
    this.#keep = null;
    this.onDone = null;
  }

  release(): void {
    this.#keep = null;
    this.onDone = null;
    free.push(this);
  }

  /** Number of ops written so far. */
  get length(): number {
    return this.#count;
  }

  /** Result of op `index`: a count or descriptor, or -errno. */
  result(index: number): number {
    return this.f64[index * RECORD + 7]!;
  }

  /** errno of the op that failed the batch, 0 if none did; `failedOp` tells which. */
  get errno(): number {
    const at = this.failedOp;
    return at < 0 ? 0 : -this.result(at);
  }

  /** Index of the op that failed the batch, or -1. */
  get failedOp(): number {
    for (let i = 0; i < this.#count; i++) {
      const flags = this.f64[i * RECORD]! >> 8;
      const r = this.result(i);
      if (r < 0 && (flags & (IGNORE | CLEANUP | ALWAYS)) === 0) return i;
    }
    return -1;
  }

  /** Runs on this thread, now. Returns 0 or -errno of the op that failed the batch. */
  run(): number {
    this.#end();
    const r = addon.runBatch(this.address);
    if (r <= 0) return r;
    slowRuns++;
    return r - SLOW_MARK;
  }

  /** Gives every op the result of one that was never run. */
  cancel(): void {
    for (let i = 0; i < this.#count; i++) this.f64[i * RECORD + 7] = -ECANCELED;
  }

  /** Marks the end of the program: the executor stops at a record whose code is 0. */
  #end(): void {
    this.f64[this.#count * RECORD] = 0;
  }

  /** Completes the program for a queue (used by the queue). */
  seal(): void {
    this.#end();
  }

  // --- memory -------------------------------------------------------------------------------------------------------

  /** Keeps `memory` alive until the batch is released; returns its address. */
  keep(memory: ArrayBufferLike): number {
    (this.#keep ??= []).push(memory);
    return addon.addressOf(memory);
  }

  /** Address of a NUL-terminated copy of a byte string (latin1). */
  text(s: string): number {
    const at = this.#arena;
    const next = (at + s.length + 8) & ~7;
    if (next <= SLOT_BYTES) {
      this.bytes.latin1Write(s, at);
      this.bytes[at + s.length] = 0;
      this.#arena = next;
      return this.address + at;
    }
    const copy = Buffer.alloc(s.length + 1);
    copy.latin1Write(s, 0);
    return this.keep(copy.buffer) + copy.byteOffset;
  }

  /** Address of a copy of `bytes`. */
  blob(bytes: Uint8Array): number {
    const at = this.#arena;
    const next = (at + bytes.length + 7) & ~7;
    if (next <= SLOT_BYTES) {
      this.bytes.set(bytes, at);
      this.#arena = next;
      return this.address + at;
    }
    const copy = Buffer.from(bytes);
    return this.keep(copy.buffer) + copy.byteOffset;
  }

  /** A view on bytes of the slot's arena from an address that {@link out} gave. Valid until release. */
  view(address: number, length: number): Buffer {
    const at = address - this.address;
    return this.bytes.subarray(at, at + length);
  }

  /** Index in {@link f64} of a double result area from its address. */
  doubles(address: number): number {
    return (address - this.address) / 8;
  }

  /** Reserves result space inside the slot (throws RangeError when it is full: a programming error). */
  out(length: number): number {
    const at = this.#arena;
    const next = (at + length + 7) & ~7;
    if (next > SLOT_BYTES) throw new RangeError('batch arena is full');
    this.#arena = next;
    return this.address + at;
  }

  /** Reserves a stat result and returns its index in {@link f64}; give the index to {@link statx}. */
  statOut(): number {
    return this.doubles(this.out(STAT_DOUBLES * 8));
  }

  // --- ops ----------------------------------------------------------------------------------------------------------

  #op(code: number, flags: number, a: number, b = 0, c = 0, d = 0, e = 0, f = 0): number {
    const index = this.#count;
    if (index >= MAX_OPS - 1) throw new RangeError('batch has too many ops');
    const at = index * RECORD;
    const m = this.f64;
    m[at] = code | (flags << 8);
    m[at + 1] = a;
    m[at + 2] = b;
    m[at + 3] = c;
    m[at + 4] = d;
    m[at + 5] = e;
    m[at + 6] = f;
    m[at + 7] = 0;
    this.#count = index + 1;
    return index;
  }

  /** openat2(2). `resolve` are RESOLVE_* bits (RESOLVE_CACHED 0x20: -EAGAIN instead of blocking; RESOLVE_BENEATH 8; NO_SYMLINKS 4). Result: descriptor. O_CLOEXEC is added. */
  open(dir: FdRef, name: string, openFlags: number, mode = 0, resolve = 0, flags = 0): number {
    return this.#op(OPS['OPEN']!, flags, dir, this.text(name), openFlags, mode, resolve, ENVIRONMENT);
  }
  /**
   * Opens the data of a regular file, and of nothing else: EISDIR, ELOOP, ENXIO (socket) or EINVAL (FIFO, device) otherwise.
   * The final component is never followed; O_DIRECTORY does not count. `known`: the name was a regular file when last looked at. Should it be something
   * else by now, it is opened without waiting, and closed; a name of unknown type is looked at before it is opened.
   */
  openRegular(dir: FdRef, name: string, openFlags: number, known: boolean, resolve = 0, flags = 0): number {
    return this.#op(OPS['OPENREG']!, flags, dir, this.text(name), openFlags, known ? 1 : 0, resolve, ENVIRONMENT);
  }
  close(fd: FdRef, flags = 0): number {
    return this.#op(OPS['CLOSE']!, flags, fd);
  }
  /** statx(2), AT_SYMLINK_NOFOLLOW, AT_STATX_DONT_SYNC. `out`: index from {@link statOut}. */
  statx(dir: FdRef, name: string | null, out: number, flags = 0): number {
    return this.#op(OPS['STATX']!, flags, dir, name === null ? 0 : this.text(name), this.address + out * 8);
  }
  /** Value into `length` bytes at `address`; result is its length. With a null name a descriptor opened with O_PATH costs a detour. */
  getxattr(dir: FdRef, name: string | null, key: string, address: number, length: number, flags = 0): number {
    return this.#op(OPS['GETXATTR']!, flags, dir, name === null ? 0 : this.text(name), this.text(key), address, length);
  }
  /** xattrFlags: XATTR_CREATE 1, XATTR_REPLACE 2. The value is copied. */
  setxattr(dir: FdRef, name: string | null, key: string, value: Uint8Array, xattrFlags = 0, flags = 0): number {
    const at = this.blob(value);
    return this.#op(
      OPS['SETXATTR']!,
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
    return this.#op(OPS['REMOVEXATTR']!, flags, dir, name === null ? 0 : this.text(name), this.text(key));
  }
  /** Names, each NUL-terminated, into `address`; result is their total length (length 0 asks for the size). */
  listxattr(dir: FdRef, name: string | null, address: number, length: number, flags = 0): number {
    return this.#op(OPS['LISTXATTR']!, flags, dir, name === null ? 0 : this.text(name), address, length);
  }
  /**
   * Every xattr whose name matches one of `patterns` (fnmatch, flags 0; NUL-separated list, '' for all), as a run of
   * {u32 keyLength, u32 valueLength, key, value} (little-endian, unpadded) at `address`. Result: bytes written;
   * -ERANGE when they don't fit. A file without xattr support gives 0.
   */
  xattrs(dir: FdRef, name: string | null, patterns: string, address: number, length: number, flags = 0): number {
    const at = this.text(patterns);
    return this.#op(
      OPS['XATTRS']!,
      flags,
      dir,
      name === null ? 0 : this.text(name),
      at,
      patterns.length,
      address,
      length,
    );
  }
  /** preadv2(2); rwf: RWF_NOWAIT 8 and so on. */
  pread(fd: FdRef, address: number, length: number, offset: number, rwf = 0, flags = 0): number {
    return this.#op(OPS['PREAD']!, flags, fd, address, length, offset, rwf);
  }
  /** Moves pages of a file into a pipe, without a copy. Result: bytes, fewer at the end of the file or when the pipe is full. */
  splice(fd: FdRef, offset: number, length: number, pipe: number, flags = 0): number {
    return this.#op(OPS['SPLICE']!, flags, fd, offset, length, pipe);
  }

  /**
   * Checksums of what is read from `fd` (SHA-256, or MD5), as {u32 adler32 from 0, u32 whether all is zero, digest of up to 32 bytes} at
   * `address`, where {@link CHECKSUM_BYTES} are needed. A long range is read by several batches: `first` and `last` mark its ends.
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
    const bits = (part.sha256 ? 1 : 0) | (part.first ? 2 : 0) | (part.last ? 4 : 0);
    return this.#op(OPS['CHECKSUM']!, flags, fd, offset, length, bits, address);
  }
  /** pwritev2(2), repeated until all is written or an error comes; a short write before an error gives its length. */
  pwrite(fd: FdRef, address: number, length: number, offset: number, rwf = 0, flags = 0): number {
    return this.#op(OPS['PWRITE']!, flags, fd, address, length, offset, rwf);
  }
  link(oldDir: FdRef, oldName: string, newDir: FdRef, newName: string, flags = 0): number {
    return this.#op(OPS['LINK']!, flags, oldDir, this.text(oldName), newDir, this.text(newName));
  }
  /** Links the open file `fd` (needs CAP_DAC_READ_SEARCH: AT_EMPTY_PATH) under a name. */
  linkFd(fd: FdRef, newDir: FdRef, newName: string, flags = 0): number {
    return this.#op(OPS['LINK']!, flags, fd, 0, newDir, this.text(newName));
  }
  /** atFlags: AT_REMOVEDIR 0x200. */
  unlink(dir: FdRef, name: string, atFlags = 0, flags = 0): number {
    return this.#op(OPS['UNLINK']!, flags, dir, this.text(name), atFlags);
  }
  /** renameFlags: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2. */
  rename(oldDir: FdRef, oldName: string, newDir: FdRef, newName: string, renameFlags = 0, flags = 0): number {
    return this.#op(OPS['RENAME']!, flags, oldDir, this.text(oldName), newDir, this.text(newName), renameFlags);
  }
  mkdir(dir: FdRef, name: string, mode: number, flags = 0): number {
    return this.#op(OPS['MKDIR']!, flags, dir, this.text(name), mode);
  }
  /** rdev as a stat result gives it (Linux encoding). */
  mknod(dir: FdRef, name: string, mode: number, rdev: number, flags = 0): number {
    return this.#op(OPS['MKNOD']!, flags, dir, this.text(name), mode, rdev);
  }
  symlink(target: string, dir: FdRef, name: string, flags = 0): number {
    return this.#op(OPS['SYMLINK']!, flags, this.text(target), dir, this.text(name));
  }
  readlink(dir: FdRef, name: string, address: number, length: number, flags = 0): number {
    return this.#op(OPS['READLINK']!, flags, dir, this.text(name), address, length);
  }
  /** Owner without following symlinks; -1 leaves a side alone. */
  chown(dir: FdRef, name: string | null, uid: number, gid: number, flags = 0): number {
    return this.#op(OPS['CHOWN']!, flags, dir, name === null ? 0 : this.text(name), uid, gid);
  }
  /** chmod without following symlinks (fchmodat2 or by /proc/self/fd); a symlink gives -EOPNOTSUPP. */
  chmod(dir: FdRef, name: string | null, mode: number, flags = 0): number {
    return this.#op(OPS['CHMOD']!, flags, dir, name === null ? 0 : this.text(name), mode);
  }
  /** utimensat(2), no follow; nsec may be UTIME_OMIT (0x3ffffffe) or UTIME_NOW (0x3fffffff). */
  utimens(
    dir: FdRef,
    name: string | null,
    atime: number,
    atimeNsec: number,
    mtime: number,
    mtimeNsec: number,
    flags = 0,
  ): number {
    return this.#op(
      OPS['UTIMENS']!,
      flags,
      dir,
      name === null ? 0 : this.text(name),
      atime,
      atimeNsec,
      mtime,
      mtimeNsec,
    );
  }
  truncate(fd: FdRef, length: number, flags = 0): number {
    return this.#op(OPS['FTRUNCATE']!, flags, fd, length);
  }
  fallocate(fd: FdRef, mode: number, offset: number, length: number, flags = 0): number {
    return this.#op(OPS['FALLOCATE']!, flags, fd, mode, offset, length);
  }
  lseek(fd: FdRef, offset: number, whence: number, flags = 0): number {
    return this.#op(OPS['LSEEK']!, flags, fd, offset, whence);
  }
  /**
   * copy_file_range(2), repeated until all is copied, the source ends or an error comes. Result: bytes copied; a short copy before
   * an error gives its length.
   */
  copyFileRange(fdIn: FdRef, offsetIn: number, fdOut: FdRef, offsetOut: number, length: number, flags = 0): number {
    return this.#op(OPS['COPYRANGE']!, flags, fdIn, offsetIn, fdOut, offsetOut, length);
  }
  fsync(fd: FdRef, flags = 0): number {
    return this.#op(OPS['FSYNC']!, flags, fd);
  }
  fdatasync(fd: FdRef, flags = 0): number {
    return this.#op(OPS['FDATASYNC']!, flags, fd);
  }
  syncfs(fd: FdRef, flags = 0): number {
    return this.#op(OPS['SYNCFS']!, flags, fd);
  }
  /** Fails with the write error of the file that the kernel has not yet told this descriptor of. After a syncfs, which tells of none. */
  syncErrors(fd: FdRef, flags = 0): number {
    return this.#op(OPS['SYNCERRORS']!, flags, fd);
  }
  /**
   * Fails with ESTALE unless the name stands for the file with that inode number (in halves), or for none when both are 0. In a lane of
   * its directory, no batch comes between this op and the next.
   */
  expect(dir: FdRef, name: string, inoHigh: number, inoLow: number, flags = 0): number {
    return this.#op(OPS['EXPECT']!, flags, dir, this.text(name), inoHigh, inoLow);
  }
  /** fstatvfs(2); `out`: index in {@link f64} of STATVFS_DOUBLES doubles. */
  statvfs(fd: FdRef, out: number, flags = 0): number {
    return this.#op(OPS['STATVFS']!, flags, fd, this.address + out * 8);
  }
  /** Result: the magic number of the file system that `fd` is on (statfs's f_type). */
  fstype(fd: FdRef, flags = 0): number {
    return this.#op(OPS['FSTYPE']!, flags, fd);
  }
  /**
   * Lets go of what `fd` stands for, but keeps its number taken, until it is closed, by something that every op fails on:
   * for a descriptor that ops under way still name.
   */
  retire(fd: FdRef, flags = 0): number {
    return this.#op(OPS['RETIRE']!, flags, fd);
  }
  /**
   * Entries of a directory from a position on, into `length` bytes at `address`, each 8-aligned:
   * {u32 recordLength, u16 nameLength, u8 dType, u8 hasStat, i64 dOff (after the entry), u32 xattrBytes, u32 pad,
   *  stat as 19 doubles if hasStat, name bytes, xattr run as {@link xattrs} writes it}.
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
    return this.#op(OPS['READDIR']!, flags, fd, offsetHigh, offsetLow, address, length, patterns);
  }
  /**
   * Packs what {@link readdir} wants as its last operand: returns the address of
   * {u32 withStat, u32 maxEntries, u32 patternsLength, patterns bytes}.
   */
  readdirWants(withStat: boolean, maxEntries: number, patterns: string): number {
    const b = Buffer.alloc(12 + patterns.length + 1);
    b.writeUInt32LE(withStat ? 1 : 0, 0);
    b.writeUInt32LE(maxEntries, 4);
    b.writeUInt32LE(patterns.length, 8);
    b.latin1Write(patterns, 12);
    return this.blob(b);
  }
}

/** A double among the results of a batch or of a listing. index: within what was reserved for them. */
export function doubleAt(f64: Float64Array, index: number): number {
  // biome-ignore lint/style/noNonNullAssertion: on the way of every fop, and reserved by those who wrote the program
  return f64[index]!;
}
