/**
 * Runs a batch inline if the kernel can answer it from its caches, else on the pool. Besides this file, only reads
 * (fops/data/readv.ts) run batches on the worker's thread.
 */
import { assert } from '../../native/assert.js';
import { type Batch, batch } from '../../native/batch.js';
import { EAGAIN } from '../../native/errno.js';
import type { Priority } from '../../native/layout.js';
import { RESOLVE_CACHED } from '../../native/linux.js';
import type { DiskContext } from './context.js';

/** done: the results have been taken over. again: to be run once more, with more room. wait: it takes the pool (after a run here only). */
export type CachedOutcome = 'done' | 'again' | 'wait';

/** Ops whose first one, if it is an open, tells by EAGAIN that the disk must be waited for. */
export interface CachedProgram {
  /** Writes the ops. resolve: for those that open something: RESOLVE_CACHED on this thread, 0 on the pool. */
  program(b: Batch, resolve: number): void;
  /** Takes the results over: the batch is released afterwards. Not called when the first op has failed with EAGAIN. */
  take(b: Batch): CachedOutcome;
}

/** Runs a program on this thread. False when it takes the pool: nothing was taken over then. */
export function tryCached(disk: DiskContext, p: CachedProgram): boolean {
  while (disk.inline) {
    const b = batch();
    p.program(b, RESOLVE_CACHED);
    disk.inlining.run(b);
    const outcome = b.result(0) === -EAGAIN ? 'wait' : p.take(b);
    b.release();
    if (outcome !== 'again') return outcome === 'done';
  }
  return false;
}

/** An open may lose a race with changes of its path so often. Who holds a lease on the file can keep it off for longer: told as it is. */
const MAX_RACES = 32;

/** Runs a program on the pool until its results have been taken over. */
export async function runOnPool(disk: DiskContext, p: CachedProgram, priority: Priority, lane = 0): Promise<void> {
  let races = 0;
  for (let outcome: CachedOutcome = 'again'; outcome === 'again'; ) {
    const b = batch();
    p.program(b, 0);
    await disk.run(b, lane, priority);
    outcome = b.result(0) === -EAGAIN && ++races < MAX_RACES ? 'again' : p.take(b);
    b.release();
    assert(outcome !== 'wait', 'a program has had all the time on the pool');
  }
}

/** Runs a program on this thread if possible, else on the pool. Null: it has run. */
export function runCached(disk: DiskContext, p: CachedProgram, priority: Priority, lane = 0): Promise<void> | null {
  return tryCached(disk, p) ? null : runOnPool(disk, p, priority, lane);
}

/**
 * Runs a batch on open files and directories, whose inodes are in memory: on this thread, as long as its disk is quick. Null: it
 * has run. The caller releases it.
 */
export function runOnOpen(disk: DiskContext, b: Batch, priority: Priority, lane = 0): Promise<Batch> | null {
  if (!disk.inline) return disk.run(b, lane, priority);
  disk.inlining.run(b);
  return null;
}
