/** The common end of all reads: times, attributes, and whether the end of the file was reached. */

import type { Call } from '../../../mux/xlator/call.js';
import type { ReadArgs, ReadReply } from '../../../mux/xlator/fops.js';
import { assert } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { ENOENT } from '../../../native/errno.js';
import { doubleAt, STAT } from '../../../native/layout.js';
import type { Region } from '../../../native/memory.js';
import type { Pipe } from '../../../native/pipe.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { OpenFile } from '../../disk/open-file.js';

/** Times that clients want set: ctime, mtime, atime. */
const ANY_TIME = 7;

/**
 * Answers with `count` bytes that lie in `held`; gives back the batch, whose stat result is at `at`, the file, and what holds
 * nothing. The reply of a read that reaches the end of the file says so with errno ENOENT.
 */
export function readReply(
  store: BrickDir,
  call: Call,
  args: ReadArgs,
  file: OpenFile,
  b: Batch,
  at: number,
  count: number,
  held: Region | Pipe,
): ReadReply {
  const { inode } = args.fd;
  assert(count <= held.capacity, 'a read fills no more than the memory or pipe that it has');
  if ((call.timeFlags & ANY_TIME) !== 0) store.timeStores.touchSoon(inode, call);
  const errno = reachesEnd(b, at, args, count) ? ENOENT : 0;
  const stat = iattOf(b.f64, at, inode.gfid, store.mdata.of(inode));
  b.release();
  file.release();
  if (count === 0) held.sent();
  return { count, errno, stat, region: count === 0 ? null : held, xdata: null };
}

/** Whether a read of so many bytes has come to the end that the stat result at `at` reports. */
export const reachesEnd = (b: Batch, at: number, args: ReadArgs, count: number): boolean =>
  args.offset + count >= doubleAt(b.f64, at + STAT.size);
