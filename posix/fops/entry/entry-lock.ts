/**
 * Serializes changes of an entry that was checked before: what was decided on must be what is changed. The inode behind
 * the name is locked, so that no other fop takes the name from it, and the batch verifies that it is still there.
 */
import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EBUSY } from '../../../native/errno.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { exclusively } from '../../disk/inode-state.js';
import type { EntryQuery } from '../../disk/query/stat-entry.js';

/** Retries while other clients keep changing the same name. */
const MAX_ATTEMPTS = 32;

/** The name is another inode than the locked one: retry with that one locked. */
export class EntryChanged {
  readonly inode: Inode | null;

  constructor(inode: Inode | null) {
    this.inode = inode;
  }
}

/** Runs a change with the inode of its name locked. expected: what the client takes the name for. EBUSY if that never stays the same. */
export async function withEntryLocked<T>(
  store: BrickDir,
  expected: Inode | null,
  run: (locked: Inode | null) => Promise<T | EntryChanged>,
  lock: (locked: Inode | null, locking: () => Promise<T | EntryChanged>) => Promise<T | EntryChanged> = (
    locked,
    locking,
  ) => (locked === null ? locking() : exclusively(store.state(locked), locking)),
): Promise<T> {
  let inode = expected;
  for (let n = 0; n < MAX_ATTEMPTS; n++) {
    const locked = inode;
    const result = await lock(locked, () => run(locked));
    if (!(result instanceof EntryChanged)) return result;
    inode = result.inode;
  }
  throw failure(EBUSY);
}

/** The inode that a name was found to lead to, in the table until the call ends; null when there is none, or none of Gluster's. */
export function inodeAt(store: BrickDir, call: Call, query: EntryQuery): Inode | null {
  if (query.errno !== 0 || query.found.gfid === null) return null;
  const inode = query.inode ?? store.brick.adoptInode(query.found.gfid, query.stat.mode);
  call.hold(inode);
  return inode;
}
