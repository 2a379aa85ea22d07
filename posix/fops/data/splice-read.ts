/**
 * Large reads without a copy: a thread of the pool splices the file's cached pages into a pipe, and the connection
 * splices them on to the socket. Worth it from 512 KiB; for less, going through the pool costs more than copying.
 */

import type { Call } from '../../../mux/xlator/call.js';
import type { ReadArgs, ReadReply } from '../../../mux/xlator/fops.js';
import { assert } from '../../../native/assert.js';
import { batch } from '../../../native/batch.js';
import { EINVAL, EOPNOTSUPP } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { emptyPipe, PIPE_BYTES, type Pipe } from '../../../native/pipe.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { OpenFile } from '../../disk/open-file.js';
import { TimeReading } from '../../disk/times/time-reading.js';
import { reachesEnd, readReply } from './read-reply.js';

const LEAST_BYTES = 512 << 10;
const PAGE_BYTES = 4096;

/** A pipe for a read of `size` bytes; null if it must be copied. */
export function pipeFor(store: BrickDir, args: ReadArgs, file: OpenFile, size: number): Pipe | null {
  // One that starts inside a page needs a page more than the pipe has room for.
  if (size < LEAST_BYTES || size > PIPE_BYTES || args.offset % PAGE_BYTES !== 0) return null;
  return file.direct || args.inMemory === true || !store.files.splices ? null : emptyPipe();
}

/** Reads into the pipe. Null: nothing was read, and the pipe is gone; the read has to be tried by copying. */
export async function readIntoPipe(
  store: BrickDir,
  call: Call,
  args: ReadArgs,
  file: OpenFile,
  size: number,
  pipe: Pipe,
): Promise<ReadReply | null> {
  assert(size <= pipe.capacity, 'a read into a pipe fits into it');
  const times = new TimeReading(store.mdata, args.fd.inode);
  const b = batch();
  const at = b.statOut();
  times.reserve(b);
  b.splice(file.fd, args.offset, size, pipe.writeFd);
  b.statx(file.fd, null, at);
  times.op(b, file, IGNORE);
  await store.run(b, 0, store.priority(call, Priority.low), call);
  const { errno } = b;
  const count = b.result(0);
  if (errno !== 0 || (count < size && !reachesEnd(b, at, args, count))) {
    // A file system that can't; an error, which the copying read meets too; or fewer bytes than there are.
    if (errno === EINVAL || errno === EOPNOTSUPP) store.files.splices = false;
    b.release();
    pipe.release();
    return null;
  }
  times.take(b);
  return readReply(store, call, args, file, b, at, count, pipe);
}
