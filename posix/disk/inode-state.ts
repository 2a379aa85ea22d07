/**
 * The state that storage/posix keeps with an inode: created at first use, dropped when the inode table drops the inode.
 */

import type { Gfid } from '../../mux/xlator/gfid.js';
import type { Inode } from '../../mux/xlator/inode.js';
import { assert } from '../../native/assert.js';
import { handleName } from './format/handle-name.js';
import type { Mdata } from './format/mdata-record.js';
import type { Write } from './write.js';

export class InodeState {
  /** The time record. undefined: not read yet; null: the file has none. */
  mdata: Mdata | null | undefined = undefined;
  /** The last name has gone while the file was open: the handle is in `.glusterfs/unlink` until the last fd closes. */
  unlinked = false;
  /** Its gfid has a handle, as far as the brick has checked. Set for directories, and for files that cannot get theirs. */
  hasHandle = false;
  /** Stores of the time record in progress, in how many of them the order is not known, and whether another must follow. */
  stores = 0;
  strayStores = 0;
  restore = false;
  /** The store that is due at the end of this turn, if any. */
  due: Promise<void> | null = null;
  /** A fop has the inode exclusively (see {@link exclusively}); fops that wait for it, in order. */
  busy = false;
  waiting: (() => void)[] | null = null;
  /** Writes that go to the pool at the end of this turn. */
  writes: Write[] | null = null;
  /** Descriptors of clients' fds on the file. */
  opens = 0;
  /** Writes by anonymous fds that a sync has found lost, and the file's mtime then. */
  lost: { errno: number; mtime: string } | null = null;

  readonly #gfid: Gfid;
  #handle: string | null = null;

  constructor(inode: Inode) {
    this.#gfid = inode.gfid;
  }

  /** Path of the inode's handle below `.glusterfs`. */
  get handle(): string {
    return (this.#handle ??= handleName(this.#gfid));
  }
}

/** Records of files that the inode table is about to learn of: more than these are read again. */
const MAX_UNCLAIMED = 1024;

/** Time records that were read or made before their inode was in the table: its state takes them over. By gfid key. */
export class UnclaimedRecords {
  readonly #records = new Map<string, Mdata | null>();

  keep(key: string, m: Mdata | null): void {
    const n = this.#records;
    n.delete(key);
    n.set(key, m);
    if (n.size > MAX_UNCLAIMED)
      for (const oldest of n.keys()) {
        n.delete(oldest);
        break;
      }
  }

  /** Takes the remembered record for a new inode state. undefined: there is none. */
  claim(key: string): Mdata | null | undefined {
    const m = this.#records.get(key);
    if (m !== undefined) this.#records.delete(key);
    return m;
  }

  forget(key: string): void {
    this.#records.delete(key);
  }
}

/**
 * Runs a sequence that reads and then changes an inode's file, without another such sequence in between. Disk work of
 * single batches is ordered by lanes and does not need this.
 */
export function exclusively<T>(state: InodeState, run: () => Promise<T>): Promise<T> {
  if (!state.busy) {
    state.busy = true;
    return run().finally(() => handOver(state));
  }
  return new Promise<void>((resolve) => {
    (state.waiting ??= []).push(resolve);
  })
    .then(run)
    .finally(() => handOver(state));
}

function handOver(state: InodeState): void {
  assert(state.busy, 'an inode is handed over by the fop that holds it');
  const next = state.waiting?.shift();
  if (next === undefined) {
    state.busy = false;
    state.waiting = null;
  } else {
    next();
  }
}
