/**
 * A brick's directory on disk, as all families of fops share it: its open descriptors, how inodes are addressed in
 * batches, the queue of blocking calls, handles and time records.
 */

import { describeThrown } from '../../mux/base/fault.js';
import { type Logger, loggerFor } from '../../mux/base/log.js';
import { type Call, ClientPid } from '../../mux/xlator/call.js';
import { FailureLog } from '../../mux/xlator/failure-log.js';
import type { MaybePromise } from '../../mux/xlator/fops.js';
import type { Inode } from '../../mux/xlator/inode.js';
import type { BrickContext } from '../../mux/xlator/translator.js';
import { type Batch, Priority } from '../../native/batch.js';
import type { ByteString } from '../../native/bytes.js';
import { S_IFDIR } from '../../native/linux.js';
import type { Queue } from '../../native/queue.js';
import { Closing } from '../disk/descriptors/deferred-close.js';
import { Directories } from '../disk/descriptors/directory-cache.js';
import { type FileRef, UnheldFile } from '../disk/descriptors/file-ref.js';
import { Handles } from '../disk/descriptors/handles.js';
import { Inlining } from '../disk/descriptors/inline-policy.js';
import { InodeState } from '../disk/descriptors/inode-state.js';
import { Files } from '../disk/descriptors/open-files.js';
import { unlinkName } from '../disk/format/handle-name.js';
import { MdataKeeper } from '../disk/times/time-records.js';
import { Syncs } from '../fops/data/fsync.js';
import { Writes } from '../fops/data/writev.js';
import type { Options } from '../options.js';
import { Landfill } from './landfill.js';
import { Space } from './space.js';

/** Blocking calls of one brick that run at the same time, as io-threads' thread-count by default. */
export const DEFAULT_CONCURRENCY = 16;

export interface StoreInit {
  name: string;
  brick: BrickContext;
  options: Options;
  slot: number;
  queue: Queue;
  /** Magic number of its file system, as statfs gives it. */
  fsType: number;
  rootFd: number;
  glusterfsFd: number;
  /** Device and inode number of `.glusterfs`, which no look-up may reach. */
  hidden: { dev: number; inoHigh: number; inoLow: number };
}

/** How long a brick that ends waits for its system calls, and when its disk is known to hang. */
const CLOSE_WAIT_MS = 5_000;
const HUNG_WAIT_MS = 500;

export class Store {
  /** The translator's name in the graph. */
  readonly name: string;
  readonly brick: BrickContext;
  readonly log: Logger;
  readonly #failureLog = new FailureLog();
  options: Options;
  readonly slot: number;
  /** The brick's root, O_RDONLY | O_DIRECTORY: open for as long as the brick serves. */
  readonly rootFd: number;
  readonly glusterfsFd: number;
  readonly hidden: StoreInit['hidden'];
  readonly queue: Queue;
  readonly inlining: Inlining;
  readonly closing: Closing;
  readonly dirs: Directories;
  readonly handles: Handles;
  readonly mdata: MdataKeeper;
  readonly landfill: Landfill;
  readonly files: Files;
  readonly writes: Writes;
  readonly syncs: Syncs;
  readonly space: Space;
  /** The disk has less free space than the reserve: kept by the space check, read by every fop that allocates. */
  full = false;

  constructor(init: StoreInit) {
    this.name = init.name;
    this.brick = init.brick;
    this.log = loggerFor(init.name);
    this.options = init.options;
    this.slot = init.slot;
    this.rootFd = init.rootFd;
    this.glusterfsFd = init.glusterfsFd;
    this.hidden = init.hidden;
    this.queue = init.queue;
    this.inlining = new Inlining(init.brick, init.queue, init.fsType);
    this.closing = new Closing(init.brick, init.queue);
    this.queue.onHang = (hangs) => this.#hangs(hangs);
    this.queue.onFault = (thrown) => this.log.error(0, `taking results of the disk failed: ${describeThrown(thrown)}`);
    this.dirs = new Directories(this);
    this.handles = new Handles(this);
    this.mdata = new MdataKeeper(this);
    this.files = new Files(this);
    this.writes = new Writes(this);
    this.syncs = new Syncs(this);
    this.space = new Space(this);
    this.landfill = new Landfill(this);
  }

  /** System calls that find what they need in memory may run on this thread: the way is {@link Inlining.run}. */
  get inline(): boolean {
    return this.inlining.allowed;
  }

  /** Absolute path of the brick. */
  get path(): ByteString {
    return this.options.directory;
  }

  state(inode: Inode): InodeState {
    const state = inode.ctx[this.slot] as InodeState | undefined;
    if (state !== undefined) return state;
    const fresh = new InodeState(inode);
    fresh.mdata = this.mdata.adopt(inode.key);
    inode.ctx[this.slot] = fresh;
    return fresh;
  }

  /**
   * Where an inode's file is: non-directories by their handle, directories by their descriptor. Fails with ENOENT for a
   * directory that is gone.
   */
  fileRef(inode: Inode): MaybePromise<FileRef> {
    if (inode.type === S_IFDIR) return this.dirs.acquire(inode);
    const state = this.state(inode);
    return new UnheldFile(this.glusterfsFd, state.unlinked ? unlinkName(inode.gfid) : state.handle);
  }

  /** Runs a batch on the pool; resolves (never rejects) with it when it has run. The caller releases it. */
  run(b: Batch, lane: number, priority: Priority): Promise<Batch> {
    return this.queue.run(b, lane, priority);
  }

  /** Priority of a call: internal clients' work (rebalance, heal) comes last. */
  priority(call: Call, usual: Priority): Priority {
    return call.pid < 0 && call.pid !== ClientPid.noRootSquash ? Priority.least : usual;
  }

  /** Notes a system call of a fop that has failed, unless that is no more than an answer to the client. */
  fopFailed(text: string, errno: number): void {
    if (this.#failureLog.deservesLine(errno)) this.log.error(0, text, errno);
    else this.log.debug(0, text, errno);
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

  /** Gives everything back. What is under way, times still to be stored included, ends first unless the disk hangs. */
  async close(): Promise<void> {
    this.space.stop();
    this.landfill.stop();
    const left = await this.queue.drained(this.queue.hangs ? HUNG_WAIT_MS : CLOSE_WAIT_MS);
    if (left > 0)
      this.log.warning(0, `${this.path}: ${left} batches of system calls not waited for: does the disk hang?`);
    if (left > 0) this.closing.hold();
    this.files.closeAll();
    this.dirs.closeAll();
    this.closing.close(this.glusterfsFd);
    this.closing.close(this.rootFd);
    await this.closing.end(left > 0);
  }
}
