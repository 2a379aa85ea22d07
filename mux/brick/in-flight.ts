/** Counts the fops of a brick that are in progress, and lists those that were not answered at once. */
import { assert } from '../../native/assert.js';
import type { Call } from '../xlator/call.js';
import { fopByNumber } from '../xlator/fop-table.js';
import type { WatchedFop } from './slow-fops.js';

/** A client's fop that waits for something. */
export interface ListedFop extends WatchedFop {
  readonly call: Call;
  /** The number that the client gave it. */
  readonly xid: number;
  /** Where the list has it; -1: not there. */
  listedAt: number;
}

export class InFlightFops {
  /** Called when a fop is not answered at once. */
  onListed: (() => void) | null = null;
  #count = 0;
  #busy = true;
  #onIdle: (() => void) | null = null;
  #timeout: NodeJS.Timeout | undefined;
  /** No Set, for the reason that native/queue.ts gives. In no order: a fop leaves by the last one taking its place. */
  readonly #listed: ListedFop[] = [];

  /** Fops in progress, those of the brick itself included. */
  get count(): number {
    return this.#count;
  }

  /** A fop starts: the brick stays until it has ended. */
  started(): void {
    this.#count++;
    this.#busy = true;
  }

  ended(): void {
    assert(this.#count > 0, 'no more fops end than have started');
    if (--this.#count === 0) this.#onIdle?.();
  }

  /** Whether a fop was in progress since the last time that this was asked. */
  takeBusy(): boolean {
    const busy = this.#busy || this.#count > 0;
    this.#busy = false;
    return busy;
  }

  /** A client's fop is not answered at once. */
  list(fop: ListedFop): void {
    if (fop.listedAt >= 0) return;
    fop.listedAt = this.#listed.length;
    this.#listed.push(fop);
    this.onListed?.();
  }

  /** Clients' fops that are not answered yet. */
  get waiting(): number {
    return this.#listed.length;
  }
  watched(): Iterable<WatchedFop> {
    return this.#listed;
  }

  unlist(fop: ListedFop): void {
    const at = fop.listedAt;
    if (at < 0) return;
    assert(this.#listed[at] === fop, 'a fop is where the list of fops in flight has it');
    fop.listedAt = -1;
    const last = this.#listed.pop();
    if (last === fop || last === undefined) return;
    this.#listed[at] = last;
    last.listedAt = at;
  }

  /** The oldest `most` of those listed, as they came. */
  oldest(most: number): ListedFop[] {
    return [...this.#listed].sort((a, b) => a.cameMs - b.cameMs).slice(0, most);
  }

  /** Ages in seconds of the oldest fop and the oldest lock request of those listed; 0: there is none. */
  oldestAges(nowMs: number): { oldestFopSec: number; oldestLockSec: number } {
    let fop = nowMs;
    let lock = nowMs;
    for (const { call, cameMs } of this.#listed) {
      if (fopByNumber(call.fop)?.isLock) lock = Math.min(lock, cameMs);
      else fop = Math.min(fop, cameMs);
    }
    return { oldestFopSec: (nowMs - fop) / 1000, oldestLockSec: (nowMs - lock) / 1000 };
  }

  /** Resolves when no fop is in progress, or after that time. Returns how many still are. */
  async idle(waitMs: number): Promise<number> {
    if (this.#count === 0) return 0;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#timeout = setTimeout(resolve, waitMs);
    });
    clearTimeout(this.#timeout);
    this.#onIdle = null;
    return this.#count;
  }

  /** Who waits in {@link idle} now waits for no longer than that. */
  shortenWait(waitMs: number): void {
    const onIdle = this.#onIdle;
    if (onIdle === null) return;
    clearTimeout(this.#timeout);
    this.#timeout = setTimeout(onIdle, waitMs);
  }
}
