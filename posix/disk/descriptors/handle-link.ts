/** What the handles of directories say. */

import type { MaybePromise } from '../../../mux/xlator/fops.js';
import type { Gfid } from '../../../mux/xlator/gfid.js';
import { ALWAYS, type Batch, batch, Priority, reg } from '../../../native/batch.js';
import { EAGAIN } from '../../../native/errno.js';
import { O_NOFOLLOW, O_PATH, RESOLVE_CACHED } from '../../../native/linux.js';
import type { Store } from '../../brick-dir/brick-dir.js';
import { directoryLink, handleName } from '../format/handle-name.js';

const ROOM = 512;

/** Whether the handle of a directory leads to `name` in `parent`. False when there is none. */
export function handlePointsTo(store: Store, gfid: Gfid, parent: Gfid, name: string): MaybePromise<boolean> {
  const expected = directoryLink(parent, name);
  if (!store.inline) return onPool(store, gfid, expected);
  const b = batch();
  const at = ops(store, b, gfid, RESOLVE_CACHED);
  store.inlining.run(b);
  if (b.result(0) === -EAGAIN) {
    b.release();
    return onPool(store, gfid, expected);
  }
  const same = matches(b, at, expected);
  b.release();
  return same;
}

function ops(store: Store, b: Batch, gfid: Gfid, resolve: number): number {
  const at = b.out(ROOM);
  b.open(store.glusterfsFd, handleName(gfid), O_PATH | O_NOFOLLOW, 0, resolve);
  b.readlink(reg(0), '', at, ROOM);
  b.close(reg(0), ALWAYS);
  return at;
}

function matches(b: Batch, at: number, expected: string): boolean {
  const length = b.result(1);
  return length === expected.length && b.view(at, length).latin1Slice(0, length) === expected;
}

async function onPool(store: Store, gfid: Gfid, expected: string): Promise<boolean> {
  const b = batch();
  const at = ops(store, b, gfid, 0);
  await store.run(b, 0, Priority.normal);
  const same = matches(b, at, expected);
  b.release();
  return same;
}
