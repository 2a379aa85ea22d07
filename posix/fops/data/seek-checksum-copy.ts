/** The fops seek, rchecksum and copy_file_range. */

import { type Call, TimeFlag } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type {
  CopyFileRangeArgs,
  CopyFileRangeReply,
  RchecksumArgs,
  RchecksumReply,
  SeekArgs,
  SeekReply,
} from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { assert } from '../../../native/assert.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EINVAL, ENOMEM, ENOTSUP } from '../../../native/errno.js';
import { CHECKSUM, type FdRef, Priority } from '../../../native/layout.js';
import { SEEK_DATA, SEEK_HOLE } from '../../../native/linux.js';
import { type Region, region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { OpenFile } from '../../disk/open-file.js';
import { FileChange } from '../../disk/query/data-change.js';
import { refuseCloud, refuseDevice } from './data-refusal.js';
import { WhenFull, WriteGate } from './write-gate.js';

/** SEEK_DATA and SEEK_HOLE, by the wire's numbers 0 and 1. */
const WHENCE = [SEEK_DATA, SEEK_HOLE];
const MAX_CHECKED = 256 * 1024 * 1024;
/** Read by one call of the pool: some ten milliseconds of work. */
const SLICE_BYTES = 4 << 20;
/** Checksums of more than a slice that a thread has in progress: self-heal asks for 128 KiB each. */
const LONG_CHECKS = 2;

/** Admits a limited number at a time; the others wait in order. */
class Semaphore {
  readonly #places: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
    this.#free = places;
  }
  async enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((go) => this.#waiting.push(go));
  }
  leave(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    assert(this.#free < this.#places, 'only those leave who have entered');
    this.#free++;
  }
}
const longChecks = new Semaphore(LONG_CHECKS);
/** Copied by one fop at most, as by one call of the kernel: clients go on with the rest. */
const MAX_COPIED = 0x7ffff000;

export async function seek(store: BrickDir, call: Call, args: SeekArgs): Promise<SeekReply> {
  refuseCloud(store, args.xdata);
  const whence = WHENCE[args.what];
  if (whence === undefined) throw failure(ENOTSUP);
  const file = await store.files.of(args.fd);
  const b = batch();
  b.lseek(file.fd, args.offset, whence);
  await store.run(b, 0, store.priority(call, Priority.low), call);
  file.release();
  const r = b.result(0);
  b.release();
  if (r < 0) {
    store.fopFailed(`seek failed on ${gfidText(args.fd.inode.gfid)}`, -r);
    throw failure(r);
  }
  return { offset: r, xdata: null };
}

/** Checksums of a range: rsync's weak one, and SHA-256 or (by the volume's option) MD5. Ends with the file. */
export async function rchecksum(store: BrickDir, call: Call, args: RchecksumArgs): Promise<RchecksumReply> {
  refuseCloud(store, args.xdata);
  if (args.length < 0) throw failure(EINVAL);
  if (args.length > MAX_CHECKED) throw failure(ENOMEM);
  const { inode } = args.fd;
  const file = await store.files.of(args.fd);
  const fips = store.options['fips-mode-rchecksum'];
  const answer = region(CHECKSUM.bytes);
  try {
    const n = await checksum(store, call, args, file, fips, answer);
    if (n < 0) {
      store.fopFailed(`pread of ${args.length} bytes failed on ${gfidText(inode.gfid)}`, -n);
      throw failure(n);
    }
    const { bytes } = answer;
    const weak = bytes.readUInt32LE(CHECKSUM.weakAt);
    const zero = bytes.readUInt32LE(CHECKSUM.zeroAt);
    const strong = Uint8Array.from(bytes.subarray(CHECKSUM.digestAt, CHECKSUM.digestAt + CHECKSUM.digestBytes));
    const xdata = new Dict();
    if (args.xdata?.number(key.CHECK_ZERO_FILLED) !== undefined) xdata.setUint(key.BUFFER_HAS_ZEROES, zero);
    if (fips) xdata.setInt(key.FIPS_CHECKSUM, 1);
    store.timeStores.touchSoon(inode, call);
    return { weak, strong, flags: fips ? 1 : 0, xdata };
  } finally {
    answer.release();
    file.release();
  }
}

/** Runs the checksum in slices, so that others' calls pass in between. Returns bytes read, or a negated errno. */
async function checksum(
  store: BrickDir,
  call: Call,
  args: RchecksumArgs,
  file: OpenFile,
  sha256: boolean,
  answer: Region,
): Promise<number> {
  const priority = store.priority(call, Priority.low);
  const long = args.length > SLICE_BYTES;
  if (long) await longChecks.enter();
  try {
    let length = args.length;
    for (let done = 0, first = true; ; first = false) {
      const slice = Math.min(length - done, SLICE_BYTES);
      // The digest ends with a slice of nothing when the file ends before the range does.
      const last = slice === 0 || done + slice === length;
      const b = batch();
      b.checksum(file.fd, args.offset + done, slice, { sha256, first, last }, answer.address);
      await store.run(b, 0, priority);
      const n = b.result(0);
      b.release();
      if (n < 0) return n;
      done += n;
      if (last) return done;
      if (n < slice) length = done;
    }
  } finally {
    if (long) longChecks.leave();
  }
}

const COPY_GATE = new WriteGate({ refusesDevices: true, whenFull: WhenFull.nothing, avoidsMarked: true });

class Copy extends FileChange {
  readonly #args: CopyFileRangeArgs;
  readonly #from: OpenFile;
  #source = 0;
  #copyOp = 0;
  count = 0;
  /** Attributes of the source. */
  stat: Iatt = NO_IATT;

  constructor(store: BrickDir, call: Call, args: CopyFileRangeArgs, from: OpenFile, to: OpenFile) {
    super(store, call, args.fdOut.inode, to, call.timeFlags & (TimeFlag.ctime | TimeFlag.mtime));
    this.#args = args;
    this.#from = from;
  }
  protected override takeRoom(b: Batch): void {
    this.#source = b.statOut();
    super.takeRoom(b);
  }
  protected override addOps(b: Batch): void {
    super.addOps(b);
    b.statx(this.#from.fd, null, this.#source);
  }
  protected override changeOps(b: Batch, fd: FdRef): void {
    const { offsetIn, offsetOut, size } = this.#args;
    this.#copyOp = b.copyFileRange(this.#from.fd, offsetIn, fd, offsetOut, Math.min(size, MAX_COPIED));
  }
  protected override takeResults(b: Batch): void {
    super.takeResults(b);
    const { call, disk } = this;
    const { inode } = this.#args.fdIn;
    disk.timeStores.touchSoon(inode, call, call.timeFlags & TimeFlag.atime);
    this.count = b.result(this.#copyOp);
    this.stat = iattOf(b.f64, this.#source, inode.gfid, disk.mdata.of(inode));
  }
}

/** Copies within the file system; like copy_file_range(2) it may copy less than asked. */
export async function copyFileRange(store: BrickDir, call: Call, args: CopyFileRangeArgs): Promise<CopyFileRangeReply> {
  const { fdIn, fdOut, xdata } = args;
  refuseCloud(store, xdata);
  refuseDevice(fdIn.inode);
  if (args.flags !== 0) throw failure(EINVAL);
  const from = await store.files.of(fdIn);
  let to: OpenFile | null = null;
  try {
    to = await COPY_GATE.check(store, call, fdOut, xdata, args.offsetOut, args.size);
    await store.mdata.load(fdIn.inode);
    // What the client wants set of the access time goes to the source, the other times to the destination.
    const copy = new Copy(store, call, args, from, to);
    await copy.run(Priority.low);
    const { errno, count, stat, pre, post } = copy;
    if (errno !== 0) {
      store.fopFailed(
        `copy_file_range from ${gfidText(fdIn.inode.gfid)} to ${gfidText(fdOut.inode.gfid)} failed`,
        errno,
      );
      throw failure(errno);
    }
    return { count, stat, pre, post, xdata: null };
  } finally {
    from.release();
    to?.release();
  }
}
