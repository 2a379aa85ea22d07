/** seek, rchecksum and copy_file_range. */

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
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EBUSY, EINVAL, ENODATA, ENOMEM, ENOSPC, ENOTSUP } from '../../../native/errno.js';
import { CHECKSUM, Priority } from '../../../native/layout.js';
import { SEEK_DATA, SEEK_HOLE } from '../../../native/linux.js';
import { type Region, region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { OpenFile } from '../../disk/open-file.js';
import { Change } from '../../disk/query/data-change.js';
import { refuseCloud } from './cloudsync-refusal.js';
import { refuseDevice } from './open.js';
import { usesReserve } from './space-check.js';

/** SEEK_DATA and SEEK_HOLE, by the wire's numbers 0 and 1. */
const WHENCE = [SEEK_DATA, SEEK_HOLE];
const MAX_CHECKED = 256 * 1024 * 1024;
/** Read by one call of the pool: some ten milliseconds of work. */
const SLICE_BYTES = 4 << 20;
/** Checksums of more than a slice that a thread has under way: self-heal asks for 128 KiB each. */
const LONG_CHECKS = 2;

/** Lets so many in at a time, the others in their order. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  constructor(places: number) {
    this.#free = places;
  }
  async enter(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((go) => this.#waiting.push(go));
  }
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
const longChecks = new Gate(LONG_CHECKS);
/** Copied by one fop at most, as by one call of the kernel: clients go on with the rest. */
const MAX_COPIED = 0x7ffff000;

export async function seek(store: BrickDir, call: Call, args: SeekArgs): Promise<SeekReply> {
  refuseCloud(store, args.xdata);
  const whence = WHENCE[args.what];
  if (whence === undefined) throw failure(ENOTSUP);
  const file = await store.files.of(args.fd);
  const b = batch();
  b.lseek(file.fd, args.offset, whence);
  await store.run(b, 0, store.priority(call, Priority.low));
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
  const long = args.length > SLICE_BYTES;
  if (long) await longChecks.enter();
  const answer = region(CHECKSUM.bytes);
  const n = await checksum(store, call, args, file, fips, answer);
  file.release();
  if (long) longChecks.leave();
  if (n < 0) {
    answer.release();
    store.fopFailed(`pread of ${args.length} bytes failed on ${gfidText(inode.gfid)}`, -n);
    throw failure(n);
  }
  const { bytes } = answer;
  const weak = bytes.readUInt32LE(CHECKSUM.weakAt);
  const zero = bytes.readUInt32LE(CHECKSUM.zeroAt);
  const strong = Uint8Array.from(bytes.subarray(CHECKSUM.digestAt, CHECKSUM.digestAt + CHECKSUM.digestBytes));
  answer.release();
  const xdata = new Dict();
  if (args.xdata?.number(key.CHECK_ZERO_FILLED) !== undefined) xdata.setUint(key.BUFFER_HAS_ZEROES, zero);
  if (fips) xdata.setInt(key.FIPS_CHECKSUM, 1);
  store.mdata.touchSoon(inode, call);
  return { weak, strong, flags: fips ? 1 : 0, xdata };
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
  let done = 0;
  let ended = false;
  for (let first = true; !ended; first = false) {
    const length = Math.min(args.length - done, SLICE_BYTES);
    // The digest ends with a slice of nothing when the file ends before the range does.
    const last = length === 0 || done + length === args.length;
    const b = batch();
    b.checksum(file.fd, args.offset + done, length, { sha256, first, last }, answer.address);
    await store.run(b, 0, priority);
    const n = b.result(0);
    b.release();
    if (n < 0) return n;
    done += n;
    if (last) ended = true;
    else if (n < length) args = { ...args, length: done };
  }
  return done;
}

/** Copies within the file system; like copy_file_range(2) it may copy less than asked. */
export async function copyFileRange(store: BrickDir, call: Call, args: CopyFileRangeArgs): Promise<CopyFileRangeReply> {
  refuseCloud(store, args.xdata);
  const { fdIn, fdOut, xdata } = args;
  await store.space.take(args.size);
  if (store.space.full && !usesReserve(call, xdata)) throw failure(ENOSPC);
  refuseDevice(fdIn.inode);
  refuseDevice(fdOut.inode);
  if (args.flags !== 0) throw failure(EINVAL);
  const from = await store.files.of(fdIn);
  let to: OpenFile | null = null;
  try {
    to = await store.files.of(fdOut);
    if (xdata?.has(key.AVOID_OVERWRITE) === true) await refuseMarked(store, to);
    await store.mdata.load(fdIn.inode);
    await store.mdata.load(fdOut.inode);
    // What the client wants set of the access time goes to the source, the other times to the destination.
    const change = new Change(store, call, fdOut.inode, call.timeFlags & (TimeFlag.ctime | TimeFlag.mtime));
    const b = batch();
    const source = b.statOut();
    change.reserve(b);
    change.beginOps(b, to.fd, null);
    const copy = b.copyFileRange(from.fd, args.offsetIn, to.fd, args.offsetOut, Math.min(args.size, MAX_COPIED));
    change.endOps(b, to.fd, null);
    b.statx(from.fd, null, source);
    await store.run(b, fdOut.inode.lane, store.priority(call, Priority.low));
    const errno = change.ended(b);
    store.mdata.touchSoon(fdIn.inode, call, call.timeFlags & TimeFlag.atime);
    const count = b.result(copy);
    const stat = iattOf(b.f64, source, fdIn.inode.gfid, store.mdata.of(fdIn.inode));
    b.release();
    if (errno !== 0) {
      store.fopFailed(
        `copy_file_range from ${gfidText(fdIn.inode.gfid)} to ${gfidText(fdOut.inode.gfid)} failed`,
        errno,
      );
      throw failure(errno);
    }
    return { count, stat, pre: change.pre, post: change.post, xdata: null };
  } finally {
    from.release();
    to?.release();
  }
}

/** EBUSY for a file that its users write to while it is migrated. */
async function refuseMarked(store: BrickDir, file: OpenFile): Promise<void> {
  const b = batch();
  b.getxattr(file.fd, null, key.WRITE_PROTECTION, 0, 0);
  await store.run(b, 0, Priority.low);
  const r = b.result(0);
  b.release();
  if (r !== -ENODATA) throw failure(EBUSY);
}
