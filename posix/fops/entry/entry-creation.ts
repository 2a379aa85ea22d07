/**
 * Creates an entry with one batch: makes it, turns it into a Gluster file (owner, xattrs, gfid, time record) and adds
 * its handle. The entry comes first and the handle last, so that a crash leaves an entry that a lookup completes.
 */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import { type Gfid, gfidKey, gfidText, sameGfid } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EEXIST, EIO, ENOENT } from '../../../native/errno.js';
import { IGNORE, Priority, reg } from '../../../native/layout.js';
import { AT_REMOVEDIR, S_ISGID, S_ISUID, XATTR_CREATE } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { BatchPart } from '../../disk/batch-parts.js';
import { handlePointsTo } from '../../disk/descriptors/handle-link.js';
import { gfid2pathOp } from '../../disk/format/gfid2path.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { Mdata } from '../../disk/format/mdata-record.js';
import { ONE_LINK, pgfidKey } from '../../disk/format/pgfid.js';
import { GFID_KEY } from '../../disk/format/xattr-keys.js';
import { ancestors } from '../../disk/query/ancestry.js';
import { timesOp } from '../../disk/times/time-stores.js';
import { directoryExists, statHandle } from './gfid-request.js';
import type { ParentDir } from './parent-dir.js';
import type { RequestedXattrs } from './requested-xattrs.js';

/** What is created: a regular file, a directory, a symbolic link or a node. */
export abstract class EntryCreation extends BatchPart {
  readonly parentDir: ParentDir;
  readonly gfid: Gfid;
  protected readonly store: BrickDir;
  protected readonly call: Call;
  protected readonly name: string;
  protected readonly mode: number;
  protected readonly isDirectory: boolean = false;
  /** The op that makes it opens it. */
  protected readonly opens: boolean = false;
  /** Its descriptor once it is made, if that opens it; else negative. */
  descriptor = -1;
  readonly #requested: RequestedXattrs;
  #statAt = 0;
  #makeOp = -1;
  #handleOp = -1;
  #statOp = -1;
  #times: Mdata | null = null;
  #errno = 0;
  /** The entry itself could not be created. */
  #notMade = false;
  /** Result of the handle, if it is what failed the batch. */
  #handleFailure = 0;
  #stat: Iatt | null = null;

  constructor(parentDir: ParentDir, name: string, gfid: Gfid, mode: number, requested: RequestedXattrs) {
    super();
    this.parentDir = parentDir;
    this.store = parentDir.store;
    this.call = parentDir.call;
    this.name = name;
    this.gfid = gfid;
    this.mode = mode;
    this.#requested = requested;
  }

  protected abstract makeOp(b: Batch, dir: number, name: string): number;

  /**
   * Makes it. Returns its attributes; null when the name is taken. After any other failure the entry is gone again. heal: see
   * {@link isHeal}.
   */
  async make(heal: boolean): Promise<Iatt | null> {
    const { store, parentDir } = this;
    await parentDir.change(this, store.priority(this.call, Priority.normal));
    const errno = this.#errno;
    if (this.#notMade) {
      if (errno === EEXIST) return null;
      throw failure(errno);
    }
    if (errno !== 0) {
      if (this.#handleFailure !== 0 && (await this.#repairHandle(this.#handleFailure, heal))) {
        await this.#finish();
      } else {
        await undoCreation(store, parentDir, this.name, this.isDirectory ? AT_REMOVEDIR : 0);
        throw failure(errno);
      }
    }
    if (this.#stat === null) throw failure(EIO);
    await this.#requested.rest(store, parentDir.fd, this.name, parentDir.lane);
    return this.#stat;
  }

  protected override takeRoom(b: Batch): void {
    this.#statAt = b.statOut();
  }

  protected override addOps(b: Batch): void {
    const { store, name, gfid, isDirectory } = this;
    const dir = this.parentDir.fd;
    const parent = this.parentDir.inode.gfid;
    store.handles.levelOps(b, gfid);
    this.#makeOp = this.makeOp(b, dir, name);
    const fd = this.opens ? reg(this.#makeOp) : dir;
    const by = this.opens ? null : name;
    this.#chownOp(b, fd, by);
    this.#requested.ops(b, fd, by);
    if (!isDirectory) {
      if (store.options['update-link-count-parent'])
        b.setxattr(fd, by, pgfidKey(parent), ONE_LINK, XATTR_CREATE, IGNORE);
      if (store.options.gfid2path) gfid2pathOp(b, fd, by, parent, name);
    }
    b.setxattr(fd, by, GFID_KEY, gfid, XATTR_CREATE);
    this.#times = this.#plan();
    if (this.#times !== null) timesOp(b, fd, by, this.#times);
    this.#handleOp = isDirectory
      ? store.handles.symlinkOp(b, parent, name, gfid)
      : store.handles.linkOp(b, dir, name, gfid);
    this.#statOp = b.statx(fd, by, this.#statAt, IGNORE);
  }

  /** Sets the owner, unless it is what the kernel gives. It also takes from a file the set-id bits, as it does in stock. */
  #chownOp(b: Batch, fd: number, name: string | null): void {
    const { uid } = this.call;
    const gid = this.parentDir.groupFor(this.call.gid);
    const setId = !this.isDirectory && (this.mode & (S_ISUID | S_ISGID)) !== 0;
    if (uid !== 0 || gid !== 0 || this.parentDir.pre.gid !== 0 || setId) b.chown(fd, name, uid, gid);
  }

  #plan(): Mdata | null {
    const { mdata } = this.store;
    const given = this.#requested.mdata;
    const planned = mdata.plan(null, this.call);
    if (given !== null && planned !== null) planned.raise(given);
    return planned ?? (mdata.enabled ? given : null);
  }

  /** Nothing was created. */
  protected override takeNothing(): void {}
  protected override takeResults(b: Batch): void {
    const { failedOp } = b;
    this.#errno = b.errno;
    this.#notMade = failedOp >= 0 && failedOp === this.#makeOp;
    this.#handleFailure = failedOp >= 0 && failedOp === this.#handleOp ? b.result(failedOp) : 0;
    if (this.opens) this.descriptor = b.result(this.#makeOp);
    this.#stat = b.result(this.#statOp) === 0 ? iattOf(b.f64, this.#statAt, this.gfid, this.#times) : null;
    if (failedOp >= 0) return;
    this.store.handles.made(this.gfid);
    this.store.mdata.born(this.gfid, this.#times);
  }

  /**
   * A handle could not be made. True when it was made after all: its directory had gone, or (for a directory) it was the
   * handle of a directory that is no more, or that a heal replaces.
   */
  async #repairHandle(result: number, heal: boolean): Promise<boolean> {
    const { store, gfid, parentDir, isDirectory } = this;
    const { handles } = store;
    const parent = parentDir.inode.gfid;
    if (result === -ENOENT) handles.missing(gfid);
    else if (result !== -EEXIST || !isDirectory || !(await this.#replaceable(heal))) return false;
    const b = batch();
    if (result === -EEXIST) handles.removeOp(b, gfid);
    handles.levelOps(b, gfid, true);
    const op = isDirectory
      ? handles.symlinkOp(b, parent, this.name, gfid)
      : handles.linkOp(b, parentDir.fd, this.name, gfid);
    await store.run(b, parentDir.lane, Priority.normal);
    const done = b.result(op) === 0;
    b.release();
    if (done) {
      handles.made(gfid);
      // The gfid means this directory now.
      if (result === -EEXIST) {
        store.dirs.drop(gfidKey(gfid));
        store.log.warning(
          0,
          `directories share gfid ${gfidText(gfid)}: its handle leads to ${gfidText(parent)}/${this.name} now`,
        );
      }
    }
    return done;
  }

  /** Whether the new directory may have the handle that there is for its gfid. */
  async #replaceable(heal: boolean): Promise<boolean> {
    const { store, gfid } = this;
    const parent = this.parentDir.inode.gfid;
    const handle = await statHandle(store, gfid);
    if (handle === null) return true;
    if (!handle.ofDirectory) return false;
    if (await handlePointsTo(store, gfid, parent, this.name)) return true;
    if (!(await directoryExists(store, gfid))) return true;
    // A directory that was renamed while this brick was away is healed under its new name before the old one goes. Below
    // itself it can't be.
    return heal && !(await ancestors(store, parent)).some((above) => sameGfid(above.gfid, gfid));
  }

  /** What a batch missed that stopped at the handle: attributes of file and directory. */
  async #finish(): Promise<void> {
    const late = new LateStat(this.parentDir.fd, this.name, this.gfid, this.#times);
    await this.parentDir.change(late, Priority.normal);
    this.#stat = late.stat;
    this.store.mdata.born(this.gfid, this.#times);
  }
}

/** Attributes of a new entry. */
class LateStat extends BatchPart {
  readonly #dir: number;
  readonly #name: string;
  readonly #gfid: Gfid;
  readonly #times: Mdata | null;
  #at = 0;
  #op = -1;
  stat: Iatt | null = null;

  constructor(dir: number, name: string, gfid: Gfid, times: Mdata | null) {
    super();
    this.#dir = dir;
    this.#name = name;
    this.#gfid = gfid;
    this.#times = times;
  }
  protected override takeRoom(b: Batch): void {
    this.#at = b.statOut();
  }
  protected override addOps(b: Batch): void {
    this.#op = b.statx(this.#dir, this.#name, this.#at);
  }
  protected override takeResults(b: Batch): void {
    if (b.result(this.#op) === 0) this.stat = iattOf(b.f64, this.#at, this.#gfid, this.#times);
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
