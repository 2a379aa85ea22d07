/**
 * Runs a batch inline if the kernel can answer it from its caches, else on the pool. Besides this file, only reads
 * (fops/data/readv.ts) run batches on the worker's thread.
 */

import { type Call, winding } from '../../mux/xlator/call.js';
import { assert } from '../../native/assert.js';
import { type Batch, batch } from '../../native/batch.js';
import { EAGAIN } from '../../native/errno.js';
import type { Priority } from '../../native/layout.js';
import { RESOLVE_CACHED } from '../../native/linux.js';
import type { DiskContext } from './context.js';

/** done: results were read. again: run it again, with more room. wait: it needs the pool (only after an inline run). */
export type CachedOutcome = 'done' | 'again' | 'wait';

/** A batch whose first op, if it is an open, fails with EAGAIN when the disk would have to be waited for. */
export interface CachedProgram {
  /** Writes the ops. resolve: flags for ops that open something: RESOLVE_CACHED inline, 0 on the pool. */
  program(b: Batch, resolve: number): void;
  /** Reads the results; the batch is released afterwards. Not called if the first op failed with EAGAIN. */
  take(b: Batch): CachedOutcome;
}

/** Runs a program inline. False if it needs the pool: no results were read then. */
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

/** How often an open may fail with EAGAIN because its path changes. The holder of a lease can cause it for longer: then the error is returned. */
const MAX_RACES = 32;

/** Runs a program on the pool until its results have been read. call: as in {@link DiskContext.run}. */
export async function runOnPool(
  disk: DiskContext,
  p: CachedProgram,
  priority: Priority,
  lane = 0,
  call: Call | null = winding.call,
): Promise<void> {
  let races = 0;
  for (let outcome: CachedOutcome = 'again'; outcome === 'again'; ) {
    const b = batch();
    p.program(b, 0);
    await disk.run(b, lane, priority, call);
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
