/**
 * Keeps the time records of files: in memory with the inode, where the first reading from disk puts them and where they
 * count from then on, and on disk, where every change is stored. Times come from the client's clock with each fop, which
 * also says which times to set; a time never goes back except by utimes, or from well ahead of the brick's own clock.
 */

import { background } from '../../../mux/base/fault.js';
import { type Call, TimeFlag } from '../../../mux/xlator/call.js';
import { fopErrorOf } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { nanosecondsInRange } from '../../../mux/xlator/time-range.js';
import { assert } from '../../../native/assert.js';
import { type Batch, batch } from '../../../native/batch.js';
import { ENODATA, ENOENT, errnoName } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import type { DiskContext } from '../context.js';
import type { FileRef } from '../file-ref.js';
import { decodeMdata, encodeMdata, MDATA_KEY, Mdata } from '../format/mdata-record.js';
import type { InodeState } from '../inode-state.js';

const OWN_TIMES = TimeFlag.ctime | TimeFlag.mtime | TimeFlag.atime;

/** SET_ATTR bits of setattr that concern the record. */
const SetAttr = { atime: 0x10, mtime: 0x20 } as const;

/** Finds the file of an inode. */
interface Locator {
  fileRef(inode: Inode): MaybePromise<FileRef>;
}

export class TimeRecords {
  readonly #disk: DiskContext;
  readonly #locator: Locator;

  constructor(disk: DiskContext, locator: Locator) {
    this.#disk = disk;
    this.#locator = locator;
  }

  get enabled(): boolean {
    return this.#disk.options.ctime;
  }

  // --- reading ------------------------------------------------------------------------------------------------------

  /** The record that counts for an inode's attributes: null when there is none, or none was read yet, or ctime is off. */
  of(inode: Inode): Mdata | null {
    return this.enabled ? (this.#disk.state(inode).mdata ?? null) : null;
  }

  /** Whether the record was not read yet. */
  unread(inode: Inode): boolean {
    return this.enabled && this.#disk.state(inode).mdata === undefined;
  }

  /** What a reading of `length` bytes at `at` has found (length < 0: negated errno), for an inode or a gfid. Returns what counts. */
  found(inode: Inode | null, gfid: Gfid, b: Buffer, at: number, length: number): Mdata | null {
    if (!this.enabled) return null;
    const holder = inode ?? this.#disk.brick.findInode(gfidKey(gfid)) ?? null;
    if (holder !== null) {
      const state = this.#disk.state(holder);
      if (state.mdata === undefined) state.mdata = decodeMdata(b, at, length);
      return state.mdata;
    }
    const m = decodeMdata(b, at, length);
    this.#disk.unclaimed.keep(gfidKey(gfid), m);
    return m;
  }

  /** As {@link found}, of a record that was decoded already. */
  read(inode: Inode | null, key: string, m: Mdata | null): Mdata | null {
    if (!this.enabled) return null;
    const holder = inode ?? this.#disk.brick.findInode(key) ?? null;
    if (holder === null) {
      this.#disk.unclaimed.keep(key, m);
      return m;
    }
    const state = this.#disk.state(holder);
    if (state.mdata === undefined) state.mdata = m;
    return state.mdata;
  }

  /** A file was made: its record is this, whatever the table may remember of an earlier file of that gfid. */
  born(gfid: Gfid, m: Mdata | null): void {
    const key = gfidKey(gfid);
    const known = this.#disk.brick.findInode(key);
    if (known === undefined) {
      this.#disk.unclaimed.keep(key, m);
    } else {
      const state = this.#disk.state(known);
      state.mdata = m;
      state.unlinked = false;
    }
  }

  /** Reads the record of an inode unless it is in memory. */
  load(inode: Inode): MaybePromise<void> {
    if (!this.unread(inode)) return;
    return this.#load(inode);
  }

  async #load(inode: Inode): Promise<void> {
    const file = await this.#locator.fileRef(inode);
    const b = batch();
    const at = b.out(64);
    b.getxattr(file.fd, file.name, MDATA_KEY, at, 64, IGNORE);
    await this.#disk.run(b, inode.lane, Priority.high);
    file.release();
    const r = b.result(0);
    if (r >= 0 || r === -ENODATA) this.found(inode, inode.gfid, b.view(at, 64), 0, r);
    b.release();
  }

  // --- planning: what a fop makes of a record ---------------------------------------------------------------------------

  /** Record of a file after a fop of `call`; null when the fop sets no time of it. The present record must have been read. */
  plan(inode: Inode | null, call: Call): Mdata | null {
    const f = call.timeFlags & (TimeFlag.ctime | TimeFlag.mtime | TimeFlag.atime);
    return this.#plan(inode, call, f);
  }

  /** As {@link plan}, for the directory in which the fop changes an entry. */
  planParent(parent: Inode, call: Call): Mdata | null {
    return this.#plan(parent, call, call.timeFlags >> 3);
  }

  /** As {@link plan}, with chosen flags (bits as TimeFlag's first three). */
  planWith(inode: Inode, call: Call, flags: number): Mdata | null {
    return this.#plan(inode, call, flags);
  }

  /** As {@link plan}, from a given record: for files whose inode the table does not hold. */
  planFrom(now: Mdata | null, call: Call): Mdata | null {
    return this.#planFrom(now, call, call.timeFlags);
  }

  #plan(inode: Inode | null, call: Call, flags: number): Mdata | null {
    return this.#planFrom(inode === null ? null : this.#disk.state(inode).mdata, call, flags);
  }

  #planFrom(now: Mdata | null | undefined, call: Call, flags: number): Mdata | null {
    if (!this.enabled || (flags & 7) === 0) return null;
    if (now === null || now === undefined) return Mdata.at(call.timeSec, call.timeNsec);
    const m = now.copy();
    m.advance(flags, call.timeSec, call.timeNsec);
    return m;
  }

  /**
   * Record after utimes, for every client whatever its flags: the times given are set exactly, ctime is raised. Null when
   * the file has no record (then none is made) or neither time is set.
   */
  planUtimes(
    inode: Inode,
    call: Call,
    valid: number,
    atime: number,
    atimeNsec: number,
    mtime: number,
    mtimeNsec: number,
  ): Mdata | null {
    const now = this.of(inode);
    if (now === null || (valid & (SetAttr.atime | SetAttr.mtime)) === 0) return null;
    const m = now.copy();
    m.advance(TimeFlag.ctime, call.timeSec, call.timeNsec);
    if ((valid & SetAttr.atime) !== 0) {
      m.atime = atime;
      m.atimeNsec = nanosecondsInRange(atimeNsec);
    }
    if ((valid & SetAttr.mtime) !== 0) {
      m.mtime = mtime;
      m.mtimeNsec = nanosecondsInRange(mtimeNsec);
    }
    return m;
  }

  // --- storing --------------------------------------------------------------------------------------------------------

  /**
   * Op that stores a planned record with the fop's own batch; returns its index for {@link stored}. A failing store does
   * not fail the fop. `stray`: the batch runs in another lane than the inode's own.
   */
  storeOp(b: Batch, fd: number, name: string | null, m: Mdata, inode: Inode | null, stray = false): number {
    const op = b.setxattr(fd, name, MDATA_KEY, encodeMdata(m), 0, IGNORE);
    if (inode !== null) this.#begin(this.#disk.state(inode), stray);
    return op;
  }

  /** After the batch has run: the record counts if the store was reached. Must follow every {@link storeOp}. */
  stored(b: Batch, op: number, m: Mdata, inode: Inode | null, gfid: Gfid, stray = false): void {
    const r = b.result(op);
    const reached = r >= 0 || b.failedOp < 0;
    if (r < 0 && reached) this.#warn(gfid, r);
    if (inode === null) {
      if (reached) this.#disk.unclaimed.keep(gfidKey(gfid), m);
      return;
    }
    const state = this.#disk.state(inode);
    if (reached) this.#commit(state, m);
    this.#end(inode, state, stray);
  }

  /** The record in memory takes over what a fop has planned. */
  #commit(state: InodeState, m: Mdata): void {
    const now = state.mdata;
    if (now === null || now === undefined) {
      state.mdata = m;
      return;
    }
    now.take(m);
    // Fops that overlap may have stored in another order than they counted.
    if (!now.equals(m)) state.restore = true;
  }

  #begin(state: InodeState, stray: boolean): void {
    state.stores++;
    if (stray) state.strayStores++;
    if (state.stores > 1 && state.strayStores > 0) state.restore = true;
  }

  #end(inode: Inode, state: InodeState, stray: boolean): void {
    state.stores--;
    if (stray) state.strayStores--;
    assert(state.strayStores >= 0 && state.strayStores <= state.stores, 'a store of times ends once, as what it began');
    if (state.stores === 0 && state.restore) {
      state.restore = false;
      background(this.#storeSoon(inode, state), this.#disk.log, `storing the times of ${gfidText(inode.gfid)} failed`);
    }
  }

  /**
   * Sets a file's times as its fop says, in memory at once; the store on disk happens at the end of this turn of the event
   * loop, once for all changes of the turn. Done when stored: at once if there is nothing to set.
   */
  touch(inode: Inode, call: Call, flags = call.timeFlags & 7): MaybePromise<void> {
    if (!this.enabled || flags === 0) return;
    if (this.unread(inode)) return this.#load(inode).then(() => this.#touch(inode, call, flags));
    return this.#touch(inode, call, flags);
  }

  /** As {@link touch}, for a fop that does not wait for the disk. */
  touchSoon(inode: Inode, call: Call, flags = call.timeFlags & OWN_TIMES): void {
    if (flags === 0) return;
    const stored = this.touch(inode, call, flags);
    if (stored instanceof Promise) background(stored, this.#disk.log, 'setting times failed');
  }

  #touch(inode: Inode, call: Call, flags: number): MaybePromise<void> {
    const m = this.#plan(inode, call, flags);
    if (m === null) return;
    const state = this.#disk.state(inode);
    if (state.mdata?.equals(m) === true && state.stores === 0 && state.due === null) return;
    state.mdata = m;
    return this.#storeSoon(inode, state);
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
    let file: FileRef;
    try {
      file = await this.#locator.fileRef(inode);
    } catch (thrown) {
      this.#warn(inode.gfid, -fopErrorOf(thrown).errno);
      return;
    }
    const m = state.mdata;
    if (m === null || m === undefined) {
      file.release();
      return;
    }
    const b = batch();
    b.setxattr(file.fd, file.name, MDATA_KEY, encodeMdata(m));
    this.#begin(state, false);
    await this.#disk.run(b, inode.lane, Priority.normal);
    file.release();
    const r = b.result(0);
    b.release();
    if (r < 0) this.#warn(inode.gfid, r);
    this.#end(inode, state, false);
  }

  #warn(gfid: Gfid, r: number): void {
    if (r === -ENOENT) return; // removed meanwhile, or the directory has gone
    this.#disk.log.warning(0, `storing the times of ${gfidText(gfid)} failed: ${errnoName(-r)}`);
  }
}
