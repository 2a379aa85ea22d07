/**
 * Writes time records to disk: in the batch of the fop that sets the times ({@link TimeStore}), or soon after, once for
 * all fops of a turn ({@link TimeStores.touch}). Stores of one inode may overlap. If they may have reached the disk in
 * another order than memory, the last one to end stores the record again.
 */

import { background } from '../../../mux/base/fault.js';
import { type Call, TimeFlag } from '../../../mux/xlator/call.js';
import { fopErrorOf } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { assert } from '../../../native/assert.js';
import { type Batch, batch } from '../../../native/batch.js';
import { ENOENT, errnoName } from '../../../native/errno.js';
import { type FdRef, IGNORE, Priority } from '../../../native/layout.js';
import type { DiskContext } from '../context.js';
import type { FileRef } from '../file-ref.js';
import { encodeMdata, MDATA_KEY, type Mdata } from '../format/mdata-record.js';
import type { InodeState } from '../inode-state.js';
import type { Locator, TimeRecords } from './time-records.js';

const OWN_TIMES = TimeFlag.ctime | TimeFlag.mtime | TimeFlag.atime;

/** Op that stores a record. Its failure fails no fop. */
export function timesOp(b: Batch, fd: FdRef, name: string | null, m: Mdata): number {
  return b.setxattr(fd, name, MDATA_KEY, encodeMdata(m), 0, IGNORE);
}

/** The store of a file's record with a fop's own batch: {@link op} among its ops, {@link ended} when it has run, whatever came of it. */
export class TimeStore {
  readonly #stores: TimeStores;
  readonly #inode: Inode | null;
  readonly #gfid: Gfid;
  /** The batch runs in another lane than the inode's own. */
  readonly #stray: boolean;
  #record: Mdata | null = null;
  #op = -1;
  /** Of the inode when the store began: the table may have dropped it by the end. */
  #state: InodeState | null = null;

  constructor(stores: TimeStores, inode: Inode | null, gfid: Gfid, stray = false) {
    this.#stores = stores;
    this.#inode = inode;
    this.#gfid = gfid;
    this.#stray = stray;
  }

  /** m: the record that was planned; null when the fop sets no time, or nothing is kept. */
  op(b: Batch, fd: FdRef, name: string | null, m: Mdata | null): void {
    assert(this.#record === null, 'a store of times has ended before the next');
    if (m === null) return;
    this.#op = timesOp(b, fd, name, m);
    this.#record = m;
    if (this.#inode !== null) this.#state = this.#stores.begin(this.#inode, this.#stray);
  }

  /** Its op is in a batch that has not ended. */
  get underWay(): boolean {
    return this.#record !== null;
  }

  /** The record counts if the op was reached. */
  ended(b: Batch): void {
    const m = this.#record;
    if (m === null) return;
    this.#record = null;
    const r = b.result(this.#op);
    const reached = r >= 0 || b.failedOp < 0;
    this.#stores.ended(this.#inode, this.#state, this.#gfid, this.#stray, reached ? m : null, r);
    this.#state = null;
  }
}

/** What is stored of a brick's time records. */
export class TimeStores {
  readonly #disk: DiskContext;
  readonly #records: TimeRecords;
  readonly #locator: Locator;

  constructor(disk: DiskContext, records: TimeRecords, locator: Locator) {
    this.#disk = disk;
    this.#records = records;
    this.#locator = locator;
  }

  /** A store is about to be queued. Called by {@link TimeStore} only, as is {@link ended}. */
  begin(inode: Inode, stray: boolean): InodeState {
    const state = this.#disk.state(inode);
    begin(state, stray);
    return state;
  }

  /** state: what {@link begin} gave. m: the record that counts from now on; null when the store was not reached. result: of the op. */
  ended(
    inode: Inode | null,
    state: InodeState | null,
    gfid: Gfid,
    stray: boolean,
    m: Mdata | null,
    result: number,
  ): void {
    if (result < 0 && m !== null) this.#warn(gfid, result);
    if (inode === null || state === null) {
      if (m !== null) this.#disk.unclaimed.keep(gfidKey(gfid), m);
      return;
    }
    if (m !== null) commit(state, m);
    this.#end(inode, state, stray);
  }

  #end(inode: Inode, state: InodeState, stray: boolean): void {
    assert(state.stores > 0 && (!stray || state.strayStores > 0), 'every end of a store of times has its begin');
    state.stores--;
    if (stray) state.strayStores--;
    if (state.stores === 0 && state.restore) {
      state.restore = false;
      background(this.#storeSoon(inode, state), this.#disk.log, `storing the times of ${gfidText(inode.gfid)} failed`);
    }
  }

  /**
   * Sets a file's times as its fop says, in memory at once; the store on disk happens at the end of this turn of the event
   * loop, once for all changes of the turn. Done when stored: at once if there is nothing to set.
   */
  touch(inode: Inode, call: Call, flags = call.timeFlags & OWN_TIMES): MaybePromise<void> {
    const records = this.#records;
    if (!records.enabled || flags === 0) return;
    const loading = records.load(inode);
    if (loading instanceof Promise) return loading.then(() => this.#touch(inode, call, flags));
    return this.#touch(inode, call, flags);
  }

  #touch(inode: Inode, call: Call, flags: number): MaybePromise<void> {
    const m = this.#records.planWith(inode, call, flags);
    if (m === null) return;
    const state = this.#disk.state(inode);
    if (state.mdata?.equals(m) === true && state.stores === 0 && state.due === null) return;
    state.mdata = m;
    return this.#storeSoon(inode, state);
  }

  /** As {@link touch}, for a fop that does not wait for the disk. */
  touchSoon(inode: Inode, call: Call, flags = call.timeFlags & OWN_TIMES): void {
    if (flags === 0) return;
    const stored = this.touch(inode, call, flags);
    if (stored instanceof Promise) background(stored, this.#disk.log, 'setting times failed');
  }

  /** Replaces a record (utimes, healing), in memory at once and on disk at the end of the turn. */
  replace(inode: Inode, m: Mdata): Promise<void> {
    const state = this.#disk.state(inode);
    state.mdata = m;
    return this.#storeSoon(inode, state);
  }

  #storeSoon(inode: Inode, state: InodeState): Promise<void> {
    if (state.due === null) {
      inode.ref();
      state.due = Promise.resolve()
        .then(() => {
          state.due = null;
          return this.#storeNow(inode, state);
        })
        .finally(() => {
          inode.unref();
        });
    }
    return state.due;
  }

  async #storeNow(inode: Inode, state: InodeState): Promise<void> {
    let t: FileRef;
    try {
      t = await this.#locator.fileRef(inode);
    } catch (thrown) {
      // A removed directory needs no times.
      this.#warn(inode.gfid, -fopErrorOf(thrown).errno);
      return;
    }
    const m = state.mdata;
    if (m === null || m === undefined) {
      t.release();
      return;
    }
    const b = batch();
    b.setxattr(t.fd, t.name, MDATA_KEY, encodeMdata(m));
    begin(state, false);
    await this.#disk.run(b, inode.lane, Priority.normal);
    t.release();
    const r = b.result(0);
    b.release();
    if (r < 0) this.#warn(inode.gfid, r);
    this.#end(inode, state, false);
  }

  #warn(gfid: Gfid, r: number): void {
    if (r === -ENOENT) return; // removed meanwhile
    this.#disk.log.warning(0, `storing the times of ${gfidText(gfid)} failed: ${errnoName(-r)}`);
  }
}

function begin(state: InodeState, stray: boolean): void {
  state.stores++;
  if (stray) state.strayStores++;
  if (state.stores > 1 && state.strayStores > 0) state.restore = true;
}

/** The record in memory takes over what a fop has planned. */
function commit(state: InodeState, m: Mdata): void {
  const now = state.mdata;
  if (now === null || now === undefined) {
    state.mdata = m;
    return;
  }
  now.take(m);
  // Fops that overlap may have stored in another order than they counted.
  if (!now.equals(m)) state.restore = true;
}
