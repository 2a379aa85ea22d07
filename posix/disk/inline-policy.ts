/**
 * Decides whether a brick's system calls may run inline, on the worker's thread, which serves other bricks too. Only on
 * file systems that reliably tell what is cached, and only while the disk is healthy: a slow call on the pool, or a
 * slow inline one, stops it for a while.
 */

import type { BrickContext } from '../../mux/xlator/translator.js';
import { type Batch, slowRuns } from '../../native/batch.js';
import {
  BTRFS_SUPER_MAGIC,
  EXT4_SUPER_MAGIC,
  F2FS_SUPER_MAGIC,
  TMPFS_MAGIC,
  XFS_SUPER_MAGIC,
  ZFS_SUPER_MAGIC,
} from '../../native/linux.js';
import type { Queue } from '../../native/queue.js';

/** File systems on local block devices (statfs's f_type), and tmpfs. */
const LOCAL = new Set([
  XFS_SUPER_MAGIC,
  EXT4_SUPER_MAGIC,
  BTRFS_SUPER_MAGIC,
  ZFS_SUPER_MAGIC,
  F2FS_SUPER_MAGIC,
  TMPFS_MAGIC,
]);

/** What a call copies on this thread at most, which takes it some hundred microseconds. More is the pool's work. */
export const INLINE_BYTES = 1 << 20;

/** After a slow call nothing runs on this thread for so long; each further one doubles it. */
const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 32_000;
/** Without a slow call for so long, the next pause is a short one again. */
const FORGIVEN_MS = 60_000;

export class InlinePolicy {
  readonly #brick: BrickContext;
  readonly #queue: Queue;
  #allowed: boolean;
  #pauseMs = PAUSE_MS;
  #lastSlow = 0;

  constructor(brick: BrickContext, queue: Queue, fsType: number) {
    this.#brick = brick;
    this.#queue = queue;
    this.#allowed = LOCAL.has(fsType);
  }

  get allowed(): boolean {
    return this.#allowed && !this.#queue.late;
  }

  /** Runs a batch on this thread; only while {@link allowed}. Returns 0 or -errno of the op that failed the batch. */
  run(b: Batch): number {
    const before = slowRuns;
    const r = b.run();
    if (slowRuns !== before) this.#slow();
    return r;
  }

  #slow(): void {
    const now = Date.now();
    this.#pauseMs = now - this.#lastSlow > FORGIVEN_MS ? PAUSE_MS : Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#lastSlow = now;
    this.#allowed = false;
    this.#brick.timer(this.#pauseMs, false, () => {
      this.#allowed = true;
    });
  }
}
