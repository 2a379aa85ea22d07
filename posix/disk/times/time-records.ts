/**
 * The time records of files, kept in memory with the inode. The first read from disk loads a record; from then on the
 * copy in memory counts, and every change is stored on disk too (time-stores.ts). Times come from the client's clock
 * with each fop, which also says which times to set. A time goes back only by utimes, or if it is far ahead of the
 * brick's own clock.
 */

import { type Call, TimeFlag } from '../../../mux/xlator/call.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey } from '../../../mux/xlator/gfid.js';
import { SetAttr } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { nanosecondsInRange } from '../../../mux/xlator/time-range.js';
import { batch } from '../../../native/batch.js';
import { ENODATA } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import type { DiskContext } from '../context.js';
import type { FileRef } from '../file-ref.js';
import { decodeMdata, MDATA_KEY, Mdata } from '../format/mdata-record.js';

/** Finds how to address an inode's file. */
export interface Locator {
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
}
