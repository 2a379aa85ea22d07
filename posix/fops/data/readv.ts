/**
 * The fop readv: inline if it is short and the page cache has the data (one call to native code, no promise), else on
 * the pool.
 */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise, ReadArgs, ReadReply } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { assert } from '../../../native/assert.js';
import { batch } from '../../../native/batch.js';
import { EAGAIN, EINVAL, EOPNOTSUPP } from '../../../native/errno.js';
import { doubleAt, IGNORE, Priority, STAT } from '../../../native/layout.js';
import { RWF_NOWAIT } from '../../../native/linux.js';
import { type Region, region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { statOf } from '../../disk/descriptors/file-stat.js';
import { type AlignedPiece, alignedPiece } from '../../disk/format/aligned.js';
import { INLINE_BYTES } from '../../disk/inline-policy.js';
import type { OpenFile } from '../../disk/open-file.js';
import { TimeReading } from '../../disk/times/time-reading.js';
import { refuseCloud, refuseDevice } from './data-refusal.js';
import { reachesEnd, readReply } from './read-reply.js';
import { pipeFor, readIntoPipe } from './splice-read.js';

/** Reads above this get memory by what the file holds rather than by what the client asks for. */
const LARGE = 256 * 1024;
/** Longer reads are answered in part. */
const MAX_READ = 64 * 1024 * 1024;

export function readv(store: BrickDir, call: Call, args: ReadArgs): MaybePromise<ReadReply> {
  const { fd } = args;
  refuseDevice(fd.inode);
  refuseCloud(store, args.xdata);
  if (args.size === 0) throw failure(EINVAL);
  const file = store.files.of(fd);
  if (file instanceof Promise) return file.then((opened) => read(store, call, args, opened));
  return read(store, call, args, file);
}

function read(store: BrickDir, call: Call, args: ReadArgs, file: OpenFile): MaybePromise<ReadReply> {
  const { inode } = args.fd;
  if (!store.inline) return readSlowly(store, call, args, file);
  const size = args.size <= LARGE ? args.size : fittingSize(store, file, args);
  const pipe = pipeFor(store, args, file, size);
  if (pipe !== null) {
    return readIntoPipe(store, call, args, file, size, pipe).then(
      (reply) => reply ?? readOnPool(store, call, args, file, size, null, 0),
    );
  }
  if (size > INLINE_BYTES || file.direct || !store.files.nowait || store.mdata.unread(inode)) {
    return readOnPool(store, call, args, file, size, null, 0);
  }
  const into = region(size);
  const b = batch();
  const at = b.statOut();
  b.pread(file.fd, into.address, size, args.offset, RWF_NOWAIT);
  b.statx(file.fd, null, at);
  store.inlining.run(b);
  let n = b.result(0);
  if (n >= 0) {
    if (n === size || reachesEnd(b, at, args, n)) return readReply(store, call, args, file, b, at, n, into);
  } else {
    if (n === -EOPNOTSUPP) {
      store.files.nowait = false;
    } else if (n !== -EAGAIN) {
      b.release();
      into.release();
      return failed(store, args, file, n);
    }
    n = 0;
  }
  b.release();
  return readOnPool(store, call, args, file, size, into, n);
}

/** Bytes that a large read can get at most. */
function fittingSize(store: BrickDir, file: OpenFile, args: ReadArgs): number {
  const b = batch();
  const at = b.statOut();
  b.statx(file.fd, null, at);
  store.inlining.run(b);
  const r = b.result(0);
  const size = doubleAt(b.f64, at + STAT.size);
  b.release();
  if (r < 0) return failed(store, args, file, r);
  return sizeWithin(size, args);
}

function sizeWithin(fileSize: number, args: ReadArgs): number {
  const wanted = Math.min(args.size, MAX_READ);
  const left = Math.max(0, fileSize - args.offset);
  if (left >= wanted) return wanted;
  // One block more than there is: the read must see the end, and a direct one keep its alignment.
  return Math.min(wanted, (Math.ceil(left / 4096) + 1) * 4096);
}

/** Reads on the pool only. */
async function readSlowly(store: BrickDir, call: Call, args: ReadArgs, file: OpenFile): Promise<ReadReply> {
  if (args.size <= LARGE) return readOnPool(store, call, args, file, args.size, null, 0);
  const { errno, size } = await statOf(store, file);
  if (errno !== 0) return failed(store, args, file, -errno);
  return readOnPool(store, call, args, file, sizeWithin(size, args), null, 0);
}

/** Reads on the pool what the first `done` bytes of `into` don't have yet. */
async function readOnPool(
  store: BrickDir,
  call: Call,
  args: ReadArgs,
  file: OpenFile,
  size: number,
  into: Region | null,
  done: number,
): Promise<ReadReply> {
  const { inode } = args.fd;
  const memory = into ?? region(size);
  assert(done <= size && size <= memory.capacity, 'what is left of a read fits into its memory');
  assert(!memory.shared, 'a read fills memory that nobody else has');
  const piece: AlignedPiece | null = file.direct ? alignedPiece(size) : null;
  const times = new TimeReading(store.mdata, inode);
  const b = batch();
  const at = b.statOut();
  times.reserve(b);
  b.pread(file.fd, piece === null ? memory.address + done : piece.address, size - done, args.offset + done);
  b.statx(file.fd, null, at);
  times.op(b, file, IGNORE);
  await store.run(b, 0, store.priority(call, Priority.low), call);
  const n = b.result(0);
  const errno = b.errno;
  if (errno !== 0) {
    b.release();
    memory.release();
    piece?.region.release();
    return failed(store, args, file, -errno);
  }
  times.take(b);
  if (piece !== null) {
    piece.region.bytes.copy(memory.bytes, 0, piece.start, piece.start + n);
    piece.region.release();
  }
  return readReply(store, call, args, file, b, at, done + n, memory);
}

function failed(store: BrickDir, args: ReadArgs, file: OpenFile, errno: number): never {
  file.release();
  store.fopFailed(
    `read failed on gfid=${gfidText(args.fd.inode.gfid)}, offset=${args.offset} size=${args.size}`,
    -errno,
  );
  throw failure(errno);
}
