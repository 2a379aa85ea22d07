/**
 * The part of a batch that turns a fresh directory entry into a Gluster file: owner, xattrs, gfid, time record, handle. The
 * entry comes first and the handle last, so that what a crash leaves behind is an entry that look-up completes.
 */

import type { Call } from '../../../mux/xlator/call.js';
import { type Gfid, gfidKey, gfidText, sameGfid } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EEXIST, ENOENT } from '../../../native/errno.js';
import { IGNORE, isReg, Priority } from '../../../native/layout.js';
import { XATTR_CREATE } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { handlePointsTo } from '../../disk/descriptors/handle-link.js';
import { gfid2pathOp } from '../../disk/format/gfid2path.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { Mdata } from '../../disk/format/mdata-record.js';
import { ONE_LINK, pgfidKey } from '../../disk/format/pgfid.js';
import { GFID_KEY } from '../../disk/format/xattr-keys.js';
import { ancestors } from '../../disk/query/ancestry.js';
import { directoryExists, statHandle } from './gfid-request.js';
import type { ParentDir } from './parent-dir.js';
import type { RequestedXattrs } from './requested-xattrs.js';

export class EntryCreation {
  readonly #store: BrickDir;
  readonly #parentDir: ParentDir;
  readonly #call: Call;
  readonly #name: string;
  readonly gfid: Gfid;
  readonly #directory: boolean;
  readonly #requested: RequestedXattrs;
  #stat = 0;
  #handleOp = -1;
  #statOp = -1;
  #timesOp = -1;
  #times: Mdata | null = null;

  constructor(
    store: BrickDir,
    parentDir: ParentDir,
    call: Call,
    name: string,
    gfid: Gfid,
    directory: boolean,
    requested: RequestedXattrs,
  ) {
    this.#store = store;
    this.#parentDir = parentDir;
    this.#call = call;
    this.#name = name;
    this.gfid = gfid;
    this.#directory = directory;
    this.#requested = requested;
  }

  /** First of all: room for results, and the directories that the handle needs. */
  begin(b: Batch): void {
    this.#parentDir.reserve(b);
    this.#stat = b.statOut();
    this.#store.handles.levelOps(b, this.gfid);
  }

  /**
   * Ops that follow the one that made the entry. fd: the open file (a result of the batch), or -1 to go by name; `chown`:
   * whether the owner is not what the kernel gives it.
   */
  ops(b: Batch, fd: number, uid: number, gid: number, chown: boolean): void {
    const store = this.#store;
    const dir = this.#parentDir.fd;
    const name = this.#name;
    const at = fd >= 0 || isReg(fd) ? fd : dir;
    const by = at === dir ? name : null;
    const parent = this.#parentDir.inode.gfid;
    if (chown) b.chown(at, by, uid, gid);
    this.#requested.ops(b, at, by);
    if (!this.#directory) {
      if (store.options['update-link-count-parent'])
        b.setxattr(at, by, pgfidKey(parent), ONE_LINK, XATTR_CREATE, IGNORE);
      if (store.options.gfid2path) gfid2pathOp(b, at, by, parent, name);
    }
    b.setxattr(at, by, GFID_KEY, this.gfid, XATTR_CREATE);
    this.#planTimes();
    if (this.#times !== null) this.#timesOp = store.mdata.storeOp(b, at, by, this.#times, null);
    this.#handleOp = this.#directory
      ? store.handles.symlinkOp(b, parent, name, this.gfid)
      : store.handles.linkOp(b, dir, name, this.gfid);
    this.#statOp = b.statx(at, by, this.#stat, IGNORE);
    this.#parentDir.endOps(b);
  }

  #planTimes(): void {
    const given = this.#requested.mdata;
    const planned = this.#store.mdata.plan(null, this.#call);
    if (given !== null && planned !== null) planned.raise(given);
    this.#times = planned ?? (this.#store.mdata.enabled ? given : null);
  }

  /** Whether the batch failed because the gfid's handle could not be made. */
  handleFailed(b: Batch): boolean {
    return this.#handleOp >= 0 && b.failedOp === this.#handleOp;
  }

  /** The handle's own result. */
  handleResult(b: Batch): number {
    return b.result(this.#handleOp);
  }

  /** After the batch has run, whatever came of it. */
  ended(b: Batch): void {
    this.#parentDir.ended(b);
    if (b.failedOp >= 0) return;
    this.#store.handles.made(this.gfid);
    this.#store.mdata.born(this.gfid, this.#timesOp >= 0 ? this.#times : null);
  }

  /** Attributes of the new file; null if they could not be read. */
  stat(b: Batch): Iatt | null {
    if (b.result(this.#statOp) !== 0) return null;
    const times = this.#timesOp >= 0 ? this.#times : null;
    return iattOf(b.f64, this.#stat, this.gfid, times);
  }

  get key(): string {
    return gfidKey(this.gfid);
  }

  /** Sets the xattrs that found no room in the batch. */
  rest(): Promise<void> {
    return this.#requested.rest(this.#store, this.#parentDir.fd, this.#name, this.#parentDir.lane);
  }

  /**
   * A handle could not be made. True when it was made after all: its directory had gone, or (for a directory) it was the
   * handle of a directory that is no more, or that a heal replaces.
   */
  async repairHandle(result: number, heal: boolean): Promise<boolean> {
    const { handles } = this.#store;
    const gfid = this.gfid;
    if (result === -ENOENT) handles.missing(gfid);
    else if (result !== -EEXIST || !this.#directory || !(await this.#replaceable(heal))) return false;
    const b = batch();
    const parent = this.#parentDir.inode;
    if (result === -EEXIST) handles.removeOp(b, gfid);
    handles.levelOps(b, gfid, true);
    const op = this.#directory
      ? handles.symlinkOp(b, parent.gfid, this.#name, gfid)
      : handles.linkOp(b, this.#parentDir.fd, this.#name, gfid);
    await this.#store.run(b, parent.lane, Priority.normal);
    const done = b.result(op) === 0;
    b.release();
    if (done) {
      handles.made(gfid);
      // The gfid means this directory now.
      if (result === -EEXIST) {
        this.#store.dirs.drop(this.key);
        this.#store.log.warning(
          0,
          `directories share gfid ${gfidText(gfid)}: its handle leads to ${gfidText(parent.gfid)}/${this.#name} now`,
        );
      }
    }
    return done;
  }

  /** Whether the new directory may have the handle that there is for its gfid. */
  async #replaceable(heal: boolean): Promise<boolean> {
    const store = this.#store;
    const { gfid } = this;
    const parent = this.#parentDir.inode.gfid;
    const handle = await statHandle(store, gfid);
    if (handle === null) return true;
    if (!handle.ofDirectory) return false;
    if (await handlePointsTo(store, gfid, parent, this.#name)) return true;
    if (!(await directoryExists(store, gfid))) return true;
    // A directory that was renamed while this brick was away is healed under its new name before the old one goes. Below
    // itself it can't be.
    return heal && !(await ancestors(store, parent)).some((above) => sameGfid(above.gfid, gfid));
  }

  /** Ops that a batch missed which stopped at the handle: attributes of file and directory. */
  async finish(): Promise<{ stat: Iatt | null; post: Iatt }> {
    const store = this.#store;
    const parentDir = this.#parentDir;
    const b = batch();
    parentDir.reserve(b);
    const stat = b.statOut();
    b.statx(parentDir.fd, this.#name, stat);
    parentDir.endOps(b);
    await store.run(b, parentDir.lane, Priority.normal);
    parentDir.ended(b);
    const times = this.#timesOp >= 0 ? this.#times : null;
    const iatt = b.result(0) === 0 ? iattOf(b.f64, stat, this.gfid, times) : null;
    b.release();
    store.mdata.born(this.gfid, times);
    return { stat: iatt, post: parentDir.post };
  }
}

/** Removes an entry that was made, after a later step of the fop has failed. */
export async function undoCreation(store: BrickDir, parentDir: ParentDir, name: string, atFlags = 0): Promise<void> {
  const b = batch();
  b.unlink(parentDir.fd, name, atFlags);
  await store.run(b, parentDir.lane, Priority.normal);
  const errno = b.errno;
  b.release();
  if (errno !== 0)
    store.log.error(0, `removing ${gfidText(parentDir.inode.gfid)}/${name} after a failure failed`, errno);
}
