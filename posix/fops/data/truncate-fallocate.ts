/** The fops truncate, ftruncate, fallocate, discard, zerofill. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { FallocateArgs, FtruncateArgs, PrePostReply, RangeArgs, TruncateArgs } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { defined } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { EAGAIN, EINVAL, EISDIR, ENOSPC, ENOSYS, EOPNOTSUPP } from '../../../native/errno.js';
import { ALWAYS, type FdRef, Priority, reg } from '../../../native/layout.js';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  O_SYNC,
  O_WRONLY,
  S_IFDIR,
  S_IFREG,
} from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { FileRef } from '../../disk/file-ref.js';
import { alignedPiece } from '../../disk/format/aligned.js';
import type { OpenFile } from '../../disk/open-file.js';
import { changeOpenFile, FileChange } from '../../disk/query/data-change.js';
import { refuseCloud } from './data-refusal.js';
import { WhenFull, WriteGate } from './write-gate.js';

const ZERO_BYTES = 1 << 20;

const FREEING = new WriteGate({ whenFull: WhenFull.all });
const ALLOCATION = new WriteGate({ whenFull: WhenFull.nothingNow });
const ZEROING = new WriteGate({ whenFull: WhenFull.withinSize });

function fail(store: BrickDir, what: string, inode: Inode, errno: number): never {
  store.fopFailed(`${what} failed on ${gfidText(inode.gfid)}`, errno);
  throw failure(errno);
}

/** Truncation of a file that is not open. */
class Truncation extends FileChange {
  readonly #length: number;

  constructor(store: BrickDir, call: Call, inode: Inode, file: FileRef, length: number) {
    super(store, call, inode, file);
    this.#length = length;
  }
  protected override addOps(b: Batch): void {
    const { fd, name } = this.file;
    const open = b.openRegular(fd, defined(name, 'a regular file is addressed by its handle'), O_WRONLY, true);
    this.opsOn(b, reg(open), null);
    b.close(reg(open), ALWAYS);
  }
  protected override changeOps(b: Batch, fd: FdRef): void {
    b.truncate(fd, this.#length);
  }
}

export async function truncate(store: BrickDir, call: Call, args: TruncateArgs): Promise<PrePostReply> {
  refuseCloud(store, args.xdata);
  const { inode } = args;
  if (inode.type === S_IFDIR) throw failure(EISDIR);
  if (inode.type !== S_IFREG) throw failure(EINVAL);
  const file = await store.fileRef(inode);
  await store.mdata.load(inode);
  const truncation = new Truncation(store, call, inode, file, args.offset);
  await truncation.run(Priority.low);
  file.release();
  const { errno, pre, post } = truncation;
  if (errno === EAGAIN) return truncate(store, call, args);
  if (errno !== 0) fail(store, 'truncate', inode, errno);
  return { pre, post, xdata: null };
}

export async function ftruncate(store: BrickDir, call: Call, args: FtruncateArgs): Promise<PrePostReply> {
  const { inode } = args.fd;
  const file = await FREEING.check(store, call, args.fd, args.xdata, args.offset, 0);
  try {
    const { errno, reply } = await changeOpenFile(store, call, inode, file, (b, fd) => b.truncate(fd, args.offset));
    if (errno !== 0) fail(store, 'ftruncate', inode, errno);
    return reply;
  } finally {
    file.release();
  }
}

export async function fallocate(store: BrickDir, call: Call, args: FallocateArgs): Promise<PrePostReply> {
  const { inode } = args.fd;
  const file = await ALLOCATION.check(store, call, args.fd, args.xdata, args.offset, args.length);
  try {
    const mode = args.flags === 0 ? 0 : FALLOC_FL_KEEP_SIZE;
    const { errno, reply } = await changeOpenFile(store, call, inode, file, (b, fd) =>
      b.fallocate(fd, mode, args.offset, args.length),
    );
    if (errno !== 0) fail(store, 'fallocate', inode, errno);
    return reply;
  } finally {
    file.release();
  }
}

/** Frees a range, which reads as zeroes from then on. */
export async function discard(store: BrickDir, call: Call, args: RangeArgs): Promise<PrePostReply> {
  const { inode } = args.fd;
  const file = await FREEING.check(store, call, args.fd, args.xdata, args.offset, args.length);
  try {
    const { errno, reply } = await changeOpenFile(store, call, inode, file, (b, fd) =>
      b.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, args.offset, args.length),
    );
    if (errno !== 0) fail(store, 'discard', inode, errno);
    return reply;
  } finally {
    file.release();
  }
}

/** Makes a range zeroes, the file longer if need be: by the file system if it can, else by writing. */
export async function zerofill(store: BrickDir, call: Call, args: RangeArgs): Promise<PrePostReply> {
  const { inode } = args.fd;
  const file = await ZEROING.check(store, call, args.fd, args.xdata, args.offset, args.length);
  try {
    const sync = (file.flags & O_SYNC) !== 0;
    let { errno, reply } = await changeOpenFile(store, call, inode, file, (b, fd) => {
      const op = b.fallocate(fd, FALLOC_FL_ZERO_RANGE, args.offset, args.length);
      if (sync) b.fsync(fd);
      return op;
    });
    if (errno === EOPNOTSUPP || errno === ENOSYS) {
      const { pre } = await writeZeroes(store, call, inode, file, args);
      ({ errno, reply } = await changeOpenFile(store, call, inode, file, (b, fd) => (sync ? b.fsync(fd) : null)));
      reply.pre = pre;
    }
    if (errno !== 0) fail(store, 'zerofill', inode, errno);
    return reply;
  } finally {
    file.release();
  }
}

async function writeZeroes(
  store: BrickDir,
  call: Call,
  inode: Inode,
  file: OpenFile,
  args: RangeArgs,
): Promise<Pick<PrePostReply, 'pre'>> {
  const piece = alignedPiece(Math.min(args.length, ZERO_BYTES));
  piece.region.bytes.fill(0, piece.start, piece.start + Math.min(args.length, ZERO_BYTES));
  try {
    let pre: PrePostReply['pre'] | null = null;
    for (let done = 0; done < args.length; ) {
      const size = Math.min(args.length - done, ZERO_BYTES);
      const at = args.offset + done;
      const { errno, count, reply } = await changeOpenFile(store, call, inode, file, (b, fd) =>
        b.pwrite(fd, piece.address, size, at),
      );
      if (errno !== 0) fail(store, 'zerofill', inode, errno);
      pre ??= reply.pre;
      // After a short write, the rest fails with the reason.
      if (count === 0) throw failure(ENOSPC);
      done += count;
    }
    return { pre: pre ?? (await changeOpenFile(store, call, inode, file, () => null)).reply.pre };
  } finally {
    piece.region.release();
  }
}
