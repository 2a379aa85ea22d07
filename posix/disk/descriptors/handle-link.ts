/** What the handles of directories say. */

import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import type { Gfid } from '../../../mux/xlator/gfid.js';
import { ALWAYS, type Batch, batch, Priority, reg } from '../../../native/batch.js';
import { EAGAIN, EINVAL, ENOENT } from '../../../native/errno.js';
import { O_NOFOLLOW, O_PATH, RESOLVE_CACHED } from '../../../native/linux.js';
import type { DiskContext } from '../context.js';
import { directoryLink, handleName, parseDirectoryLink } from '../format/handle-name.js';

const ROOM = 512;

/** Whether the handle of a directory leads to `name` in `parent`. False when there is none. */
export function handlePointsTo(disk: DiskContext, gfid: Gfid, parent: Gfid, name: string): MaybePromise<boolean> {
  const expected = directoryLink(parent, name);
  if (!disk.inline) return onPool(disk, gfid, expected);
  const b = batch();
  const at = ops(disk, b, gfid, RESOLVE_CACHED);
  disk.inlining.run(b);
  if (b.result(0) === -EAGAIN) {
    b.release();
    return onPool(disk, gfid, expected);
  }
  const same = matches(b, at, expected);
  b.release();
  return same;
}

function ops(disk: DiskContext, b: Batch, gfid: Gfid, resolve: number): number {
  const at = b.out(ROOM);
  b.open(disk.glusterfsFd, handleName(gfid), O_PATH | O_NOFOLLOW, 0, resolve);
  b.readlink(reg(0), '', at, ROOM);
  b.close(reg(0), ALWAYS);
  return at;
}

function matches(b: Batch, at: number, expected: string): boolean {
  const length = b.result(1);
  return length === expected.length && b.view(at, length).latin1Slice(0, length) === expected;
}

async function onPool(disk: DiskContext, gfid: Gfid, expected: string): Promise<boolean> {
  const b = batch();
  const at = ops(disk, b, gfid, 0);
  await disk.run(b, 0, Priority.normal);
  const same = matches(b, at, expected);
  b.release();
  return same;
}

/** Parent and name of a directory, as its handle has them. ENOENT when it has none. */
export async function readDirectoryHandle(disk: DiskContext, gfid: Gfid): Promise<{ parent: Gfid; name: string }> {
  const b = batch();
  const at = b.out(ROOM);
  b.readlink(disk.glusterfsFd, handleName(gfid), at, ROOM);
  await disk.run(b, 0, Priority.high);
  const length = b.result(0);
  const text = length > 0 ? b.view(at, length).latin1Slice(0, length) : '';
  b.release();
  // EINVAL: a hard link is no directory's handle. A disk that fails has not lost it.
  if (length < 0) throw failure(length === -EINVAL ? ENOENT : length);
  const link = parseDirectoryLink(text);
  if (link === null) {
    disk.log.error(0, `malformed handle ${handleName(gfid)}: ${JSON.stringify(text)}`);
    throw failure(ENOENT);
  }
  return link;
}
