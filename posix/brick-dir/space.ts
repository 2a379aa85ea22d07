/**
 * The reserve: free space that users' writes must leave (`storage.reserve`). statvfs tells whether the disk counts as
 * full; it is called again after a few seconds, or as soon as the bytes written since could change the answer.
 */

import { background } from '../../mux/base/fault.js';
import { fopErrorOf } from '../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../mux/xlator/fops.js';
import { errnoName } from '../../native/errno.js';
import type { DiskContext } from '../disk/context.js';
import { type Statvfs, statvfs } from '../disk/query/statvfs.js';
import type { Options } from '../options.js';

const INTERVAL_MS = 5000;

export class SpaceReserve {
  readonly #disk: DiskContext;
  /** The disk has less free space than the reserve: read by every fop that allocates. */
  full = false;
  /** Bytes that may be written until statvfs must be called again: half of the space above the reserve. */
  #allowance = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | null = null;
  #cancel: (() => void) | null = null;
  /** Space was requested since the last statvfs. */
  #used = false;
  #stopped = false;

  constructor(disk: DiskContext) {
    this.#disk = disk;
  }

  /** Calls statvfs now and sets the timer for further calls. Called again when the option changes. */
  async start(): Promise<void> {
    this.stop();
    this.#stopped = false;
    if (!reserves(this.#disk.options)) {
      this.#allowance = Number.POSITIVE_INFINITY;
      this.full = false;
      return;
    }
    await this.look();
  }

  /** Calls statvfs again if there were writes. */
  #round(): void {
    if (this.#used || this.full) {
      this.#used = false;
      background(this.look(), this.#disk.log, 'looking at the free space failed');
      return;
    }
    this.#cancel?.();
    this.#cancel = null;
    // The next request calls statvfs first.
    this.#allowance = 0;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#stopped = true;
  }

  /**
   * Notes that a fop is about to take up to `bytes` of the disk. What it returns must be waited for before
   * {@link full} is asked.
   */
  take(bytes: number): MaybePromise<void> {
    this.#used = true;
    this.#allowance -= bytes;
    if (this.#allowance > 0) return;
    return this.look();
  }

  /** Calls statvfs now; concurrent callers share one call. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const disk = this.#disk;
    if (!reserves(disk.options) || this.#stopped) return;
    this.#cancel ??= disk.brick.timer(INTERVAL_MS, true, () => this.#round());
    let vfs: Statvfs;
    try {
      vfs = await statvfs(disk);
    } catch (thrown) {
      disk.log.error(0, `statvfs failed on ${disk.path}: ${errnoName(fopErrorOf(thrown).errno)}`);
      return;
    }
    const { blocks, bfree, bsize } = vfs;
    const { reserve } = disk.options;
    const above =
      'percent' in reserve ? (bfree - (blocks * reserve.percent) / 100) * bsize : bfree * bsize - reserve.bytes;
    const full = above <= 0;
    if (full !== this.full) {
      this.full = full;
      if (full) disk.log.warning(0, `disk space utilization reached limits for path ${disk.path}`);
      else disk.log.info(0, `disk space is above the reserve again on ${disk.path}`);
    }
    // Full: wait for the timer. Otherwise others write to the disk too: check again half way.
    this.#allowance = full ? Number.POSITIVE_INFINITY : Math.max(above / 2, 1);
  }
}

function reserves(options: Options): boolean {
  const { reserve } = options;
  return ('percent' in reserve ? reserve.percent : reserve.bytes) > 0;
}

/** Blocks that the reserve hides from statfs. */
export function reservedBlocks(options: Options, blocks: number, blockSize: number): number {
  const { reserve } = options;
  if ('percent' in reserve) return Math.floor((blocks * reserve.percent) / 100 + 0.5);
  return blockSize === 0 ? 0 : Math.ceil(reserve.bytes / blockSize);
}
