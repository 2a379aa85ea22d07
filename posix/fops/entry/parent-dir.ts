/** The directory in which a fop makes, changes or removes an entry. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { type Batch, batch } from '../../../native/batch.js';
import { ENOENT } from '../../../native/errno.js';
import { IGNORE, Priority, STAT } from '../../../native/layout.js';
import { S_ISGID } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { Directory } from '../../disk/descriptors/directory-cache.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { Mdata } from '../../disk/format/mdata-record.js';
import { runOnOpen } from '../../disk/run-cached.js';

/** A directory in which an entry is being changed: open and pinned, its attributes before, its time record loaded. */
export class ParentDir {
  readonly store: BrickDir;
  readonly inode: Inode;
  readonly directory: Directory;
  readonly call: Call;
  pre: Iatt = NO_IATT;
  post: Iatt = NO_IATT;
  /** Whether batches on this directory run in another lane than its own. */
  readonly stray: boolean;
  #statAt = 0;
  #statOp = -1;
  #times: Mdata | null = null;
  #timesOp = -1;

  constructor(store: BrickDir, call: Call, inode: Inode, directory: Directory, stray: boolean) {
    this.store = store;
    this.call = call;
    this.inode = inode;
    this.directory = directory;
    this.stray = stray;
  }

  /** Opens the directory. ENOENT when it is gone. */
  static async open(store: BrickDir, call: Call, parent: Inode, stray = false): Promise<ParentDir> {
    let d = await store.dirs.acquire(parent);
    try {
      if (store.mdata.unread(parent)) await store.mdata.load(parent);
      let parentDir = new ParentDir(store, call, parent, d, stray);
      if (await parentDir.#look()) return parentDir;
      // Removed behind our back, perhaps made anew elsewhere with the same gfid.
      store.dirs.drop(d.key);
      const anew = await store.dirs.acquire(parent);
      d.release();
      d = anew;
      parentDir = new ParentDir(store, call, parent, d, stray);
      if (!(await parentDir.#look())) throw failure(ENOENT);
      return parentDir;
    } catch (error) {
      d.release();
      throw error;
    }
  }

  /** Attributes before the fop. False when the directory is removed. Its inode is in memory: as a rule this does not wait. */
  #look(): MaybePromise<boolean> {
    const { store } = this;
    const b = batch();
    const at = b.statOut();
    b.statx(this.directory.fd, null, at);
    const taken = (): boolean => {
      const errno = b.result(0);
      const there = errno === 0 && b.f64[at + STAT.nlink]! > 0;
      if (there) this.pre = iattOf(b.f64, at, this.inode.gfid, store.mdata.of(this.inode));
      b.release();
      if (errno !== 0) throw failure(errno);
      return there;
    };
    const running = runOnOpen(store, b, Priority.high);
    return running === null ? taken() : running.then(taken);
  }

  /** Lane of the batches that change entries here. */
  get lane(): number {
    return this.inode.lane;
  }

  get fd(): number {
    return this.directory.fd;
  }

  /** Reserves the results of {@link endOps}: before any text goes into the batch. */
  reserve(b: Batch): void {
    this.#statAt = b.statOut();
  }

  /** Last ops of a batch that changes an entry here: the directory's times, and its attributes afterwards. */
  endOps(b: Batch): void {
    this.#times = this.store.mdata.planParent(this.inode, this.call);
    this.#timesOp =
      this.#times === null
        ? -1
        : this.store.mdata.storeOp(b, this.directory.fd, null, this.#times, this.inode, this.stray);
    this.#statOp = b.statx(this.directory.fd, null, this.#statAt, IGNORE);
  }

  /** After the batch has run, whatever came of it. */
  ended(b: Batch): void {
    const { store, inode } = this;
    if (this.#times !== null) store.mdata.stored(b, this.#timesOp, this.#times, inode, inode.gfid, this.stray);
    if (b.result(this.#statOp) === 0) this.post = iattOf(b.f64, this.#statAt, inode.gfid, store.mdata.of(inode));
  }

  /** Group of what is made here by a caller. */
  groupFor(gid: number): number {
    return (this.pre.mode & S_ISGID) !== 0 ? this.pre.gid : gid;
  }

  release(): void {
    this.directory.release();
  }
}
