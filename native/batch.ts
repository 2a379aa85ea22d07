/**
 * A batch: a short program of system calls that runs in one crossing to native code, on the calling thread
 * ({@link Batch.run}) or on the pool of blocking calls ({@link Queue.submit}).
 *
 * The executor runs the ops in order. An op that fails (result = -errno) puts the batch in the failed state, unless it
 * is marked IGNORE; from then on ops are skipped (result = -ECANCELED), except those marked CLEANUP (run only in the failed
 * state) and ALWAYS (run in both), whose own failures don't count.
 *
 *             batch()               run()
 *   free ---------------> open <-----------> open
 *    ^                     | ^
 *    |      release()      | | returned()
 *    +---------------------+ |
 *                 submitted()v
 *                        with the pool, which works in its memory
 */
import { addon } from './addon.js';
import { assert } from './assert.js';
import { type BatchWaiter, batchMs, LONG_BATCH_MS, timesOf } from './batch-times.js';
import { ECANCELED } from './errno.js';
import { ALWAYS, CLEANUP, doubleAt, FLAGS_SHIFT, IGNORE, RECORD_DOUBLES, RESULT_AT, SLOW_MARK } from './layout.js';
import { Ops } from './ops.js';
import { SLOTS_PER_SLAB, Slab } from './slot.js';

/** Of ops whose failure does not fail the batch. */
const HARMLESS = IGNORE | CLEANUP | ALWAYS;

const FREE = 0;
/** Its owner writes ops or reads results. */
const OPEN = 1;
/** The pool has it. */
const SUBMITTED = 2;

/** Runs on this thread that took 40 ms or more. */
export let slowRuns = 0;

export class Batch extends Ops {
  #state: typeof FREE | typeof OPEN | typeof SUBMITTED = FREE;
  /** Called on the owning thread when a submitted batch has finished. */
  onDone: ((b: Batch) => void) | null = null;
  #waiter: BatchWaiter | null = null;

  protected override get writable(): boolean {
    return this.#state === OPEN;
  }

  /** Begins a new program. (For {@link batch}, the free list.) */
  begin(): void {
    assert(this.#state === FREE, 'a batch of the free list is free');
    this.#state = OPEN;
    this.clear();
  }

  release(): void {
    assert(this.#state === OPEN, 'a batch is released once, and not while the pool has it');
    this.#state = FREE;
    this.dropKept();
    this.onDone = null;
    this.#waiter = null;
    free.push(this);
  }

  /** Result of op `index`: a count or descriptor, or -errno. */
  result(index: number): number {
    assert(this.#state === OPEN, 'results are read by the owner of a batch');
    return doubleAt(this.f64, index * RECORD_DOUBLES + RESULT_AT);
  }

  /** errno of the op that failed the batch, 0 if none did; `failedOp` tells which. */
  get errno(): number {
    const at = this.failedOp;
    return at < 0 ? 0 : -this.result(at);
  }

  /** Index of the op that failed the batch, or -1. */
  get failedOp(): number {
    assert(this.#state === OPEN, 'results are read by the owner of a batch');
    for (let i = 0; i < this.length; i++) {
      const at = i * RECORD_DOUBLES;
      if (doubleAt(this.f64, at + RESULT_AT) < 0 && ((doubleAt(this.f64, at) >> FLAGS_SHIFT) & HARMLESS) === 0)
        return i;
    }
    return -1;
  }

  /** Runs on this thread, now. Returns 0 or -errno of the op that failed the batch. */
  run(): number {
    assert(this.#state === OPEN, 'a batch is run by its owner');
    this.end();
    const r = addon.runBatch(this.address);
    if (r <= 0) return r;
    slowRuns++;
    return r - SLOW_MARK;
  }

  /** Tells who is going to wait for it, while its owner has it. */
  awaitedBy(waiter: BatchWaiter): void {
    this.#waiter = waiter;
    waiter.waitsForBatch(this.#times);
  }

  readonly #times = () => timesOf(this.f64, this.#state !== SUBMITTED);

  /** The program is complete, and the pool's from now on. (For the queue.) */
  submitted(): void {
    assert(this.#state === OPEN, 'a batch is submitted by its owner');
    this.#state = SUBMITTED;
    this.end();
  }

  /** The pool has given it back. (For the queue.) */
  returned(): void {
    assert(this.#state === SUBMITTED, 'a batch comes back that the pool has');
    this.#state = OPEN;
    const waiter = this.#waiter;
    if (waiter === null) return;
    this.#waiter = null;
    waiter.waitsForBatch(null);
    if (batchMs(this.f64) >= LONG_BATCH_MS) waiter.batchTookLong(timesOf(this.f64, true));
  }

  /** Gives every op the result of one that was never run. (For the queue.) */
  cancel(): void {
    for (let i = 0; i < this.length; i++) this.f64[i * RECORD_DOUBLES + RESULT_AT] = -ECANCELED;
  }
}

const free: Batch[] = [];

/** Takes a batch from the free list; give it back with {@link Batch.release} when its results have been read. */
export function batch(): Batch {
  const b = free.pop() ?? grow();
  b.begin();
  return b;
}

function grow(): Batch {
  const slab = new Slab();
  for (let i = 1; i < SLOTS_PER_SLAB; i++) free.push(new Batch(slab, i));
  return new Batch(slab, 0);
}
