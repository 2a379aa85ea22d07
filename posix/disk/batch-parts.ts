/**
 * Batches that are composed of parts. A fop that changes a file or directory needs several system calls: the entry, its
 * handle, the directory's times and the attributes each have ops and results in one batch. Each of them is a part, and
 * only {@link runParts} and {@link startPart} call its methods:
 *
 *   reserve   of all parts: room for results, before any text may take it
 *   ops       of all parts, in their order
 *             the pool runs the batch
 *   ended     of all parts, in their order, whatever came of the batch; then it is released
 */
import { assert } from '../../native/assert.js';
import { type Batch, batch } from '../../native/batch.js';
import type { BatchWaiter } from '../../native/batch-times.js';
import type { Priority } from '../../native/layout.js';
import type { Queue } from '../../native/queue.js';

enum Step {
  idle = 0,
  reserved = 1,
  planned = 2,
}

export abstract class BatchPart {
  #step = Step.idle;

  reserve(b: Batch): void {
    assert(this.#step === Step.idle, 'a part of a batch is in one batch at a time');
    this.#step = Step.reserved;
    this.takeRoom(b);
  }

  ops(b: Batch): void {
    assert(this.#step === Step.reserved, 'a part of a batch has its room before its ops');
    this.#step = Step.planned;
    this.addOps(b);
  }

  ended(b: Batch): void {
    assert(this.#step === Step.planned, 'a part of a batch ends once, after its ops');
    this.#step = Step.idle;
    this.takeResults(b);
  }

  /** Ends the part when its batch could not be built: all ops count as cancelled. */
  abandon(b: Batch): void {
    const planned = this.#step === Step.planned;
    this.#step = Step.idle;
    if (planned) this.takeNothing(b);
  }

  protected abstract takeRoom(b: Batch): void;
  protected abstract addOps(b: Batch): void;
  /** The results are gone afterwards. What must happen even if the part's ops are incomplete comes first. */
  protected abstract takeResults(b: Batch): void;
  /** In place of {@link takeResults}: the batch was never run, each of its ops is canceled. */
  protected takeNothing(b: Batch): void {
    this.takeResults(b);
  }
}

/**
 * A finished batch drops its parts. Otherwise, once a full collection has made one batch old, it would keep what followed from it alive for
 * scavenges of the young generation, that would keep the next batch, and so on: all garbage would be copied until the next full collection.
 */
const NONE: readonly BatchPart[] = [];

/** Runs a batch of these parts on the pool. Resolves when all have ended; the parts know whether an op failed. */
export function runParts(
  queue: Queue,
  lane: number,
  priority: Priority,
  parts: readonly BatchPart[],
  waiter: BatchWaiter | null = null,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const b = programOf(parts);
    if (waiter !== null) b.awaitedBy(waiter);
    b.onDone = () => {
      const ending = parts;
      parts = NONE;
      try {
        endParts(b, ending);
      } catch (thrown) {
        reject(thrown);
        return;
      }
      resolve();
    };
    queue.submit(b, lane, priority);
  });
}

/** As {@link runParts}, for a single part that nobody waits for. What it throws at its end goes to the queue's owner. */
export function startPart(
  queue: Queue,
  lane: number,
  priority: Priority,
  part: BatchPart,
  waiter: BatchWaiter | null = null,
): void {
  const b = batch();
  try {
    part.reserve(b);
    part.ops(b);
  } catch (thrown) {
    abandon(b, part);
    b.release();
    throw thrown;
  }
  if (waiter !== null) b.awaitedBy(waiter);
  b.onDone = () => {
    try {
      part.ended(b);
    } finally {
      b.release();
    }
  };
  queue.submit(b, lane, priority);
}

function programOf(parts: readonly BatchPart[]): Batch {
  const b = batch();
  try {
    for (const part of parts) part.reserve(b);
    for (const part of parts) part.ops(b);
    return b;
  } catch (thrown) {
    for (const part of parts) abandon(b, part);
    b.release();
    throw thrown;
  }
}

/** A batch could not be built. */
function abandon(b: Batch, part: BatchPart): void {
  b.cancel();
  try {
    part.abandon(b);
  } catch {
    // A consequence of the first exception, which is reported.
  }
}

/** Ends all parts, then throws the first exception of any of them. */
function endParts(b: Batch, parts: readonly BatchPart[]): void {
  let faulty = false;
  let first: unknown;
  for (const part of parts) {
    try {
      part.ended(b);
    } catch (thrown) {
      if (!faulty) first = thrown;
      faulty = true;
    }
  }
  b.release();
  if (faulty) throw first;
}
