/**
 * A brick's directory on disk, as all fops of storage/posix share it: the disk context, open descriptors, handles, time
 * records, queues of writes and syncs, free space, and the landfill.
 */
import { describeThrown } from '../../mux/base/fault.js';
import type { MaybePromise } from '../../mux/xlator/fops.js';
import type { Inode } from '../../mux/xlator/inode.js';
import { DiskContext, type DiskInit } from '../disk/context.js';
import { DirectoryCache } from '../disk/descriptors/directory-cache.js';
import { FileLocator } from '../disk/descriptors/file-locator.js';
import { Handles } from '../disk/descriptors/handles.js';
import { OpenFiles } from '../disk/descriptors/open-files.js';
import { SyncQueue } from '../disk/descriptors/sync-queue.js';
import { WriteQueue } from '../disk/descriptors/write-queue.js';
import type { FileRef } from '../disk/file-ref.js';
import { TimeRecords } from '../disk/times/time-records.js';
import { TimeStores } from '../disk/times/time-stores.js';
import { Landfill } from './landfill.js';
import { SpaceReserve } from './space.js';

/** How long a closing brick waits for its system calls, normally and when its disk is known to hang. */
const CLOSE_WAIT_MS = 5_000;
const HUNG_WAIT_MS = 500;

export class BrickDir extends DiskContext {
  readonly dirs: DirectoryCache;
  readonly handles: Handles;
  readonly mdata: TimeRecords;
  readonly timeStores: TimeStores;
  readonly files: OpenFiles;
  readonly writes: WriteQueue;
  readonly syncs: SyncQueue;
  readonly space: SpaceReserve;
  readonly landfill: Landfill;
  readonly #locator: FileLocator;

  constructor(init: DiskInit) {
    super(init);
    this.queue.onHang = (hangs) => this.#hangs(hangs);
    this.queue.onFault = (thrown) =>
      this.log.error(0, `handling results of system calls failed: ${describeThrown(thrown)}`);
    this.dirs = new DirectoryCache(this);
    this.#locator = new FileLocator(this, this.dirs);
    this.handles = new Handles(this);
    this.mdata = new TimeRecords(this, this.#locator);
    this.timeStores = new TimeStores(this, this.mdata, this.#locator);
    this.files = new OpenFiles(this, this.#locator, this.handles);
    this.writes = new WriteQueue(this, this.mdata, this.timeStores);
    this.syncs = new SyncQueue(this, this.files);
    this.space = new SpaceReserve(this);
    this.landfill = new Landfill(this, this.handles);
  }

  /** See {@link FileLocator.fileRef}. */
  fileRef(inode: Inode): MaybePromise<FileRef> {
    return this.#locator.fileRef(inode);
  }

  #hangs(hangs: boolean): void {
    const { path, queue } = this;
    if (hangs) {
      const what = `${queue.stuck} do not come back`;
      this.log.warning(
        0,
        `${path}: the disk does not answer: ${what}, ${queue.pending} batches of system calls wait for it`,
      );
    } else this.log.info(0, `${path}: the disk answers again`);
    this.brick.diskHangs(hangs);
  }

  /** Closes everything. Work in progress, times still to be stored included, ends first, unless the disk hangs. */
  async close(): Promise<void> {
    this.space.stop();
    this.landfill.stop();
    const left = await this.queue.drained(this.queue.hangs ? HUNG_WAIT_MS : CLOSE_WAIT_MS);
    if (left > 0)
      this.log.warning(
        0,
        `${this.path}: ${left} batches of system calls have not returned: closing without them, the disk may hang`,
      );
    if (left > 0) this.closing.hold();
    this.files.shared.closeAll();
    this.dirs.closeAll();
    this.closing.close(this.glusterfsFd);
    this.closing.close(this.rootFd);
    await this.closing.end(left > 0);
  }
}
