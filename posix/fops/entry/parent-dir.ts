/** The directory in which a fop creates, changes or removes an entry: its descriptor, attributes and times. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode, Loc } from '../../../mux/xlator/inode.js';
import { assert } from '../../../native/assert.js';
import { type Batch, batch } from '../../../native/batch.js';
import { ENOENT } from '../../../native/errno.js';
import { doubleAt, IGNORE, Priority, STAT } from '../../../native/layout.js';
import { S_ISGID } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { BatchPart, runParts } from '../../disk/batch-parts.js';
import type { Directory } from '../../disk/descriptors/directory-cache.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { runOnOpen } from '../../disk/run-cached.js';
import { TimeStore } from '../../disk/times/time-stores.js';

/**
 * A directory in which an entry is being changed: open and pinned, its attributes before, its time record loaded. As the last part of the
 * batch that changes the entry it stores the directory's times and reads its attributes afterwards.
 */
export class ParentDir extends BatchPart {
  readonly store: BrickDir;
  readonly inode: Inode;
  readonly directory: Directory;
  readonly call: Call;
  pre: Iatt = NO_IATT;
  post: Iatt = NO_IATT;
  readonly #times: TimeStore;
  #statAt = 0;
  #statOp = -1;

  /** stray: batches on this directory run in another lane than its own. */
  constructor(store: BrickDir, call: Call, inode: Inode, directory: Directory, stray: boolean) {
    super();
    this.store = store;
    this.call = call;
    this.inode = inode;
    this.directory = directory;
    this.#times = new TimeStore(store.timeStores, inode, inode.gfid, stray);
  }

  /** Opens the directory of a name. ENOENT when it is gone. */
  static async open(store: BrickDir, call: Call, { parent }: Pick<Loc, 'parent'>, stray = false): Promise<ParentDir> {
    assert(parent !== null, 'a name to be changed is resolved with its directory');
    let d = await store.dirs.acquire(parent);
    try {
      if (store.mdata.unread(parent)) await store.mdata.load(parent);
      let parentDir = new ParentDir(store, call, parent, d, stray);
      if (await parentDir.#look()) return parentDir;
      // Removed directly on the brick, and perhaps created again elsewhere with the same gfid.
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
      const there = errno === 0 && doubleAt(b.f64, at + STAT.nlink) > 0;
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

  /** Runs a change of an entry here as one batch: the directory is its last part. */
  change(part: BatchPart, priority: Priority): Promise<void> {
    return runParts(this.store.queue, this.lane, priority, [part, this], this.call);
  }

  protected override takeRoom(b: Batch): void {
    this.#statAt = b.statOut();
  }

  protected override addOps(b: Batch): void {
    this.#times.op(b, this.fd, null, this.store.mdata.planParent(this.inode, this.call));
    this.#statOp = b.statx(this.fd, null, this.#statAt, IGNORE);
  }

  protected override takeResults(b: Batch): void {
    this.#times.ended(b);
    const { store, inode } = this;
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
