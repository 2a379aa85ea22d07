/** A brick's queue of blocking calls on the pool of native threads. */
import { addon, type PoolQueue } from './addon.js';
import type { Batch, Priority } from './batch.js';

/** Collects the batches of one event-loop turn and hands them over together. */
export class Queue {
  readonly #native: PoolQueue;
  readonly #waiting = new Map<number, Batch>();
  #nextId = 1;
  #count = 0;
  #addresses = new Float64Array(64);
  #ids = new Float64Array(64);
  #lanes = new Float64Array(64);
  #priorities = new Uint8Array(64);
  #scheduled = false;
  #onEmpty: (() => void) | null = null;

  constructor(limit: number) {
    this.#native = addon.openQueue(limit, (finished, count) => this.#complete(finished, count));
  }

  /** Batches under way (queued or running). */
  get pending(): number {
    return this.#waiting.size;
  }

  setLimit(limit: number): void {
    this.#native.setLimit(limit);
  }

  /**
   * Queues a batch; its `onDone` is called on this thread when it has run. Lane: batches of the same non-zero lane run in
   * order, one at a time. Handed to the pool at the end of the turn (or by {@link flush}), all together.
   */
  submit(b: Batch, lane: number, priority: Priority): void {
    b.seal();
    const at = this.#count;
    if (at === this.#addresses.length) this.flush();
    const slot = this.#count;
    const id = this.#nextId++;
    this.#waiting.set(id, b);
    this.#addresses[slot] = b.address;
    this.#ids[slot] = id;
    this.#lanes[slot] = lane;
    this.#priorities[slot] = priority;
    this.#count = slot + 1;
    if (!this.#scheduled) {
      this.#scheduled = true;
      // Microtasks of this turn first: they may add more batches to the same wake-up.
      queueMicrotask(() => queueMicrotask(() => this.flush()));
    }
  }

  /** As {@link submit}, as a promise of the same batch. */
  run(b: Batch, lane: number, priority: Priority): Promise<Batch> {
    return new Promise((resolve) => {
      b.onDone = resolve;
      this.submit(b, lane, priority);
    });
  }

  flush(): void {
    this.#scheduled = false;
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    this.#native.submit(this.#addresses, this.#ids, this.#lanes, this.#priorities, count);
  }

  #complete(finished: Float64Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const id = finished[i]!;
      const b = this.#waiting.get(id);
      if (b === undefined) continue;
      this.#waiting.delete(id);
      const done = b.onDone;
      b.onDone = null;
      done?.(b);
    }
    if (this.#waiting.size === 0) this.#onEmpty?.();
  }

  /**
   * Waits until nothing is under way, what follows from the last batches included; at most `ms` milliseconds. Returns
   * how many batches are still under way: a disk that hangs does not give them back.
   */
  async drained(ms: number): Promise<number> {
    const end = Date.now() + ms;
    for (;;) {
      // What a finished batch sets off is queued within the turn.
      await new Promise((resolve) => setImmediate(resolve));
      const left = end - Date.now();
      if (this.#waiting.size === 0 || left <= 0) return this.#waiting.size;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#onEmpty = null;
    }
  }

  close(): void {
    this.flush();
    this.#native.close();
  }
}
