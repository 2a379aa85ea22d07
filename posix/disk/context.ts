/**
 * What all code that works on a brick's directory shares: its two permanently open descriptors, the queue of the native
 * pool and the rule for inline calls, the state of inodes, options and log.
 */

import { type Logger, loggerFor } from '../../mux/base/log.js';
import { type Call, ClientPid, winding } from '../../mux/xlator/call.js';
import { FailureLog } from '../../mux/xlator/failure-log.js';
import type { Inode } from '../../mux/xlator/inode.js';
import type { BrickContext } from '../../mux/xlator/translator.js';
import type { Batch } from '../../native/batch.js';
import type { ByteString } from '../../native/bytes.js';
import { Priority } from '../../native/layout.js';
import type { Queue } from '../../native/queue.js';
import type { Options } from '../options.js';
import { DeferredClose } from './deferred-close.js';
import { InlinePolicy } from './inline-policy.js';
import { InodeState, UnclaimedRecords } from './inode-state.js';

export interface DiskInit {
  /** The translator's name in the graph. */
  name: string;
  brick: BrickContext;
  options: Options;
  slot: number;
  queue: Queue;
  /** Magic number of its file system, as statfs gives it. */
  fsType: number;
  rootFd: number;
  glusterfsFd: number;
  /** Device and inode number of `.glusterfs`, which no lookup may reach. */
  hidden: { dev: number; inoHigh: number; inoLow: number };
}

export class DiskContext {
  readonly brick: BrickContext;
  readonly log: Logger;
  options: Options;
  /** Index of the translator's own state in the `ctx` of inodes and fds. */
  readonly slot: number;
  /** The brick's root, O_RDONLY | O_DIRECTORY: open for as long as the brick serves. */
  readonly rootFd: number;
  readonly glusterfsFd: number;
  readonly hidden: DiskInit['hidden'];
  readonly queue: Queue;
  readonly inlining: InlinePolicy;
  readonly closing: DeferredClose;
  readonly unclaimed = new UnclaimedRecords();
  readonly #failureLog = new FailureLog();

  constructor(init: DiskInit) {
    this.brick = init.brick;
    this.log = loggerFor(init.name);
    this.options = init.options;
    this.slot = init.slot;
    this.rootFd = init.rootFd;
    this.glusterfsFd = init.glusterfsFd;
    this.hidden = init.hidden;
    this.queue = init.queue;
    this.inlining = new InlinePolicy(init.brick, init.queue, init.fsType);
    this.closing = new DeferredClose(init.brick, init.queue);
  }

  /** Whether system calls that the kernel can answer from memory may run inline, by {@link InlinePolicy.run}. */
  get inline(): boolean {
    return this.inlining.allowed;
  }

  /** Absolute path of the brick. */
  get path(): ByteString {
    return this.options.directory;
  }

  /** State of an inode; undefined if there is none, or the table has dropped it. */
  knownState(inode: Inode): InodeState | undefined {
    return inode.ctx[this.slot] as InodeState | undefined;
  }

  state(inode: Inode): InodeState {
    const state = this.knownState(inode);
    if (state !== undefined) return state;
    const fresh = new InodeState(inode);
    fresh.mdata = this.unclaimed.claim(inode.key);
    inode.ctx[this.slot] = fresh;
    return fresh;
  }

  /**
   * Runs a batch on the pool; resolves (never rejects) with it when it has run. The caller releases it. call: whose fop waits for it; by
   * default the one that is being sent down.
   */
  run(b: Batch, lane: number, priority: Priority, call: Call | null = winding.call): Promise<Batch> {
    if (call !== null) b.awaitedBy(call);
    return this.queue.run(b, lane, priority);
  }

  /** Priority of a call: internal clients' work (rebalance, heal) comes last. */
  priority(call: Call, usual: Priority): Priority {
    return call.pid < 0 && call.pid !== ClientPid.noRootSquash ? Priority.least : usual;
  }

  /** Logs a failed system call of a fop, unless it is an ordinary error reply. */
  fopFailed(text: string, errno: number): void {
    if (this.#failureLog.deservesLine(errno)) this.log.error(0, text, errno);
    else this.log.debug(0, text, errno);
  }
}
