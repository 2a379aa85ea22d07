/** Decides who may still use space when the disk is down to its reserve. */

import { background } from '../../../mux/base/fault.js';
import type { Call } from '../../../mux/xlator/call.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { ENOSPC } from '../../../native/errno.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';

/** Whether a call may use the reserve: Gluster's own clients and their internal fops do. */
export function usesReserve(call: Call, xdata: Dict | null): boolean {
  return call.pid < 0 || xdata?.has(key.INTERNAL_FOP) === true;
}

/** Waits until it is known whether `bytes` are available: ENOSPC for users' fops when the disk is down to its reserve. */
export async function waitForSpace(store: BrickDir, call: Call, xdata: Dict | null, bytes: number): Promise<void> {
  await store.space.take(bytes);
  if (store.space.full && !usesReserve(call, xdata)) throw failure(ENOSPC);
}

/** What an entry may take of the disk. */
const ENTRY_BYTES = 16384;

/** As {@link waitForSpace}, for fops that make an entry: they don't wait. */
export function checkSpace(store: BrickDir, call: Call, xdata: Dict | null): void {
  // An entry, its handle, their directories' blocks: the answer comes too late for this fop, but not for the next ones.
  const looked = store.space.take(ENTRY_BYTES);
  if (looked instanceof Promise) background(looked, store.log, 'looking at the free space failed');
  if (store.space.full && !usesReserve(call, xdata)) throw failure(ENOSPC);
}
