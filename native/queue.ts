/** A brick's queue in the native pool: collects the batches of one turn and submits them together. */
import { addon, type PoolQueue } from './addon.js';
import { assert, defined } from './assert.js';
import type { Batch } from './batch.js';
import { OP_CLASS, type Priority, QUEUE_FLAG } from './layout.js';
import { type Collector, endOfTurn } from './turn.js';

const LATE = QUEUE_FLAG.late;
const HANGS = QUEUE_FLAG.hangs;

const LONGEST_TIMER_MS = 0x7fffffff;
/** Batches that are handed over together at most. */
const STAGE_SIZE = 64;

/** Numbers of batches kept for the next ones when nothing is in progress. */
const KEPT_IDS = 1024;

/** Arrays in which the batches of one queue and one turn are passed to native code. */
class Stage {
  count = 0;
  readonly addresses = new Float64Array(STAGE_SIZE);
  readonly ids = new Float64Array(STAGE_SIZE);
  readonly lanes = new Float64Array(STAGE_SIZE);
  readonly priorities = new Uint8Array(STAGE_SIZE);
}

/** Free stages: a thread has as many as queues are busy within one turn. */
const stages: Stage[] = [];

/** Collects the batches of one event-loop turn and hands them over together. */
export class Queue implements Collector {
  readonly #native: PoolQueue;
  /**
   * By the number that native code has for a batch. Not a Map, whose outgrown tables keep references to its later ones: once
   * one of them is old, all that was ever in the Map survives scavenges of the young generation.
   */
  readonly #batches: (Batch | null)[] = [];
  readonly #freeIds: number[] = [];
  /** What this turn has queued so far; null between turns. */
  #stage: Stage | null = null;
  #scheduled = false;
  #onEmpty: (() => void) | null = null;
  readonly #flags = new Int32Array(new ArrayBuffer(QUEUE_FLAG.count * 4));
  #hung = false;
  #closed = false;
  /** Called when the queue begins to hang, and when it recovers. */
  onHang: ((hangs: boolean) => void) | null = null;

  /** Gets what an `onDone` throws. By default it is thrown again, which ends the thread, after the other batches have their results. */
  onFault: (thrown: unknown) => void = (thrown) => {
    setImmediate(() => {
      throw thrown;
    });
  };

  constructor(limit: number) {
    this.#native = addon.openQueue(limit, (finished, count) => this.#complete(finished, count), this.#flags);
  }

  /** A call of the queue has been running for longer than a healthy disk takes: calls that might block must not run inline. */
  get late(): boolean {
    return this.#flags[LATE] !== 0;
  }

  /** Calls are stuck, and none, or none of their class, has returned for some time. */
  get hangs(): boolean {
    return this.#flags[HANGS] !== 0;
  }

  /** What is stuck while the queue hangs: "reads", "changes", "syncs", or several of them. */
  get stuck(): string {
    const bits = this.#flags[HANGS] ?? 0;
    const classes = Object.entries(OP_CLASS).filter(([, bit]) => (bits & (1 << bit)) !== 0);
    return classes.map(([name]) => name).join(' and ');
  }

  /** Age in seconds of the oldest call of a class; 0 if none has been running for more than a second. */
  oldestSec(opClass: keyof typeof OP_CLASS): number {
    return (this.#flags[QUEUE_FLAG.oldest + OP_CLASS[opClass]] ?? 0) / 1000;
  }

  /** Batches in progress (queued or running). */
  get pending(): number {
    return this.#batches.length - this.#freeIds.length;
  }

  /** Batches that wait for a thread, this turn's included, and batches that run. */
  depth(): [queued: number, running: number] {
    const [queued, running] = this.#native.depth();
    return [queued + (this.#stage?.count ?? 0), running];
  }

  setLimit(limit: number): void {
    this.#native.setLimit(limit);
  }

  /**
   * Queues a batch; its `onDone` is called on this thread when it has run. Lane: batches of the same non-zero lane run in
   * order, one at a time. Handed to the pool at the end of the turn (or by {@link flush}), all together. Once the queue is
   * closed nothing runs: every op's result is -ECANCELED.
   */
  submit(b: Batch, lane: number, priority: Priority): void {
    b.submitted();
    if (this.#closed) {
      b.cancel();
      setImmediate(() => {
        b.returned();
        b.onDone?.(b);
      });
      return;
    }
    if (this.#stage?.count === STAGE_SIZE) this.flush();
    this.#stage ??= stages.pop() ?? new Stage();
    const stage = this.#stage;
    const slot = stage.count++;
    const id = this.#freeIds.pop() ?? this.#batches.length;
    this.#batches[id] = b;
    stage.addresses[slot] = b.address;
    stage.ids[slot] = id;
    stage.lanes[slot] = lane;
    stage.priorities[slot] = priority;
    if (!this.#scheduled) {
      this.#scheduled = true;
      endOfTurn.batches.add(this);
    }
  }

  /** As {@link submit}, as a promise of the same batch. */
  run(b: Batch, lane: number, priority: Priority): Promise<Batch> {
    return new Promise((resolve) => {
      b.onDone = resolve;
      this.submit(b, lane, priority);
    });
  }

  endOfTurn(): void {
    this.#scheduled = false;
    this.flush();
  }

  /** Hands over at once what this turn has queued so far. */
  flush(): void {
    const stage = this.#stage;
    if (stage === null) return;
    this.#stage = null;
    this.#native.submit(stage.addresses, stage.ids, stage.lanes, stage.priorities, stage.count);
    stage.count = 0;
    stages.push(stage);
  }

  #complete(finished: Float64Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const id = defined(finished[i], 'the pool reports as many batches as it says');
      const b = defined(this.#batches[id], 'the pool reports batches that it was given, once');
      this.#batches[id] = null;
      this.#freeIds.push(id);
      assert(this.#freeIds.length <= this.#batches.length, 'batches that are under way are counted');
      b.returned();
      const done = b.onDone;
      b.onDone = null;
      try {
        done?.(b);
      } catch (thrown) {
        // The other batches are not affected.
        this.onFault(thrown);
      }
    }
    if (this.pending === 0) {
      if (this.#batches.length > KEPT_IDS) this.#batches.length = this.#freeIds.length = 0;
      this.#onEmpty?.();
    }
    if (this.hangs !== this.#hung) {
      this.#hung = this.hangs;
      this.onHang?.(this.#hung);
    }
  }

  /**
   * Waits until nothing is in progress, what follows from the last batches included; at most `ms` milliseconds. Returns
   * how many batches are still in progress: a disk that hangs does not give them back.
   */
  async drained(ms = Number.POSITIVE_INFINITY): Promise<number> {
    const end = Date.now() + ms;
    for (;;) {
      // What follows from a finished batch is queued within the turn.
      await new Promise((resolve) => setImmediate(resolve));
      const left = end - Date.now();
      if (this.pending === 0 || left <= 0) return this.pending;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, LONGEST_TIMER_MS));
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
    this.#closed = true;
    this.#native.close();
  }
}
