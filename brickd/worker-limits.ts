/** Default number of brick workers of a process, and default limit of JavaScript memory of each. */

/** Workers at most by default: each takes memory of its own, and what blocks runs in the native pool anyway. */
const MAX_WORKERS = 4;
const MIB = 1 << 20;
const MOST_HEAP_MIB = 4096;
/** Where memory is short there are fewer workers, so that each has this. */
const WANTED_HEAP_MIB = 64;
/** With less a worker does not start. */
const LEAST_HEAP_MIB = 32;

/** What all heaps together may have; the rest is for buffers, threads and the page cache. */
const heapsMiB = (memoryBytes: number): number => Math.floor(memoryBytes / 2 / MIB);

/** cpus: cores' worth of time. Half a core is one worker's. */
export function defaultWorkers(cpus: number, memoryBytes: number): number {
  const fitting = Math.floor(heapsMiB(memoryBytes) / WANTED_HEAP_MIB);
  return Math.max(1, Math.min(Math.ceil(cpus), MAX_WORKERS, fitting));
}

/**
 * JavaScript memory of one worker by default: all together have half of the memory that the process may use. What bricks hold is far
 * less; a worker that gets there is out of control, and must end before the memory does.
 */
export function defaultHeapMiB(workers: number, memoryBytes: number): number {
  const share = Math.floor(heapsMiB(memoryBytes) / workers);
  return Math.min(Math.max(share, LEAST_HEAP_MIB), MOST_HEAP_MIB);
}
